import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { assert } from '../core/assert.ts';
import type { Tensor } from '../core/tensor/tensor.ts';

/**
 * One ONNX graph, loaded and ready to run: the only file that calls ONNX Runtime. Weights come from the checkpoint's own files by
 * the graph's external initializers. A run blocks this thread for as long as it takes, which is why an engine has a process of its
 * own. Feeds must be exactly the graph's inputs: the binding ignores a feed that it does not know, and the picture would be wrong
 * with no error.
 */

export type Device = 'cpu' | `cuda:${number}`;

/** What a run is fed: floats, or token ids, which the graphs take as 64-bit integers. */
export type Feed = Tensor | { readonly data: BigInt64Array; readonly dims: readonly number[] };

export interface SessionOptions {
  /** The model, as the bytes of an ONNX file. */
  readonly bytes: Uint8Array;
  /** The folder to which the model's external initializers are relative. */
  readonly directory: string;
  readonly device: Device;
  /** Threads of one run. */
  readonly threads: number;
  /**
   * Whether memory of a run is kept for the next. Faster, and holds the peak for good: right for a graph that runs at every step,
   * wrong for one that runs once a picture with a high peak.
   */
  readonly keepsMemory: boolean;
}

export class Session {
  readonly #session: InferenceSession;

  private constructor(session: InferenceSession) {
    this.#session = session;
  }

  /** Blocks the thread while the weights are read. Rejects if the device is not there. */
  static async open(options: SessionOptions): Promise<Session> {
    // The runtime's own telemetry (1.30 sends usage data over HTTPS and writes files to the temporary folder) starts with the first
    // session of a process, unless it finds this. Nobody who runs this service has agreed to it.
    process.env.ORT_DISABLE_TELEMETRY = '1';
    const session = await InferenceSession.create(options.bytes, {
      executionProviders: [executionProvider(options.device)],
      graphOptimizationLevel: 'all',
      executionMode: 'sequential',
      intraOpNumThreads: options.threads,
      interOpNumThreads: 1,
      enableCpuMemArena: options.keepsMemory,
      // A pattern takes the memory of a whole run in one piece, beside what the arena has by then: a second VAE decode of 512x512
      // raised 1.45 GB to 2.27 GB, and took as much processor time as without (test/real-size).
      enableMemPattern: false,
      extra: {
        session: {
          model_external_initializers_file_folder_path: options.directory,
          // Threads that wait by spinning take the cores from the other sessions' threads and from every other process: on two busy
          // cores a small model ran 2.5 times as long with it.
          intra_op: { allow_spinning: '0' },
        },
      },
    });
    return new Session(session);
  }

  get inputNames(): readonly string[] {
    return this.#session.inputNames;
  }

  /** The outputs that were asked for, by name. */
  async run(feeds: ReadonlyMap<string, Feed>, outputs: readonly string[]): Promise<ReadonlyMap<string, Tensor>> {
    const { inputNames } = this.#session;
    const unknown = [...feeds.keys()].filter((name) => !inputNames.includes(name));
    const missing = inputNames.filter((name) => !feeds.has(name));
    assert(unknown.length === 0, `the graph has no input ${unknown.join(', ')}`);
    assert(missing.length === 0, `nothing is fed to ${missing.join(', ')}`);

    const tensors = Object.fromEntries([...feeds].map(([name, feed]) => [name, toOrtTensor(feed)]));
    const results = await this.#session.run(tensors, outputs);
    return new Map(outputs.map((name) => [name, fromOrtTensor(name, results[name])]));
  }

  /** Nothing may run any more. Gives most of the memory back. */
  close(): Promise<void> {
    return this.#session.release();
  }
}

function executionProvider(device: Device) {
  if (device === 'cpu') return 'cpu';
  return { name: 'cuda', deviceId: Number(device.slice('cuda:'.length)) };
}

function toOrtTensor({ data, dims }: Feed): OrtTensor {
  return data instanceof BigInt64Array ? new OrtTensor('int64', data, dims) : new OrtTensor('float32', data, dims);
}

function fromOrtTensor(name: string, value: unknown): Tensor {
  assert(value instanceof OrtTensor, `the run gave no ${name}`);
  const { data, dims } = value;
  assert(data instanceof Float32Array, `output ${name} is not float32`);
  return { data, dims };
}
