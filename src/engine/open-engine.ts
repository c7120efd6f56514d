import { availableParallelism } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import type { Checkpoint } from '../compiler/checkpoint.ts';
import type { CompiledGraph } from '../compiler/compiled-graph.ts';
import { compileTextEncoder } from '../compiler/models/clip-text.ts';
import { compileUnet, featureOutput } from '../compiler/models/unet.ts';
import { compileVaeDecoder } from '../compiler/models/vae-decoder.ts';
import { ServiceError } from '../contract/errors.ts';
import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import type { Cut } from '../core/composition/method.ts';
import type { Adapter } from '../core/lora/adapter.ts';
import type { LoraTarget } from '../core/lora/target.ts';
import { InputError } from '../core/problem.ts';
import { readCheckpointDefaults } from '../files/checkpoint-defaults.ts';
import { readCheckpoint } from '../files/checkpoint-folder.ts';
import { loadLoraFile } from '../files/lora-file.ts';
import { openLoraFolder } from '../files/lora-folder.ts';
import type { EnginePorts } from '../pipeline/ports.ts';
import type { Logger } from '../telemetry/logger.ts';
import { createAdapterCache, type LoraReference } from './adapter-cache.ts';
import { createClipTokenizer } from './clip-tokenizer.ts';
import { describeModel } from './describe-model.ts';
import { createFeatureCache } from './feature-cache.ts';
import { createLoraFeeds } from './lora-feeds.ts';
import { type LoadedGraph, outputOf, runRows } from './run-rows.ts';
import { type Device, Session } from './session.ts';
import { createTextEncoder } from './text-encoder.ts';
import { createUnet, cutName, type UnetTask } from './unet.ts';

/**
 * Opens a checkpoint as an engine: graphs compiled, weights loaded, caches empty. What it gives is the pipeline's ports, the model's
 * descriptor and `close`; everything of ONNX Runtime stays in this folder. Sessions are loaded one after another, because each
 * needs room for its weights twice for a moment.
 */

export interface Engine extends EnginePorts {
  readonly model: ModelDescriptor;
  /** What is held at this moment, for logs, metrics and tests. */
  usage(): { readonly leasedAdapters: number; readonly adapterBytes: number; readonly features: number };
  close(): Promise<void>;
}

export interface EngineOptions {
  /** A diffusers folder. */
  readonly checkpoint: string;
  /** What `readModel` gave for it, where that has been called already: reading hashes every byte. */
  readonly read?: ReadModel;
  /** A folder of LoRA files; a LoRA's id is its file's stem. */
  readonly loras: string | undefined;
  /** LoRA files elsewhere, by the id that requests use for them. */
  readonly loraFiles?: ReadonlyMap<string, string>;
  readonly device: Device;
  /** Threads of a run; default: all cores. */
  readonly threads?: number;
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly logger: Logger;
}

/** A checkpoint as far as it is known without a runtime: enough to resolve requests, and to refuse them before weights are loaded. */
export interface ReadModel {
  readonly checkpoint: Checkpoint;
  readonly model: ModelDescriptor;
}

/** Said before a part is loaded, and once more when all are. */
export interface LoadProgress {
  readonly part: string;
  readonly done: number;
  readonly total: number;
}

const MIB = 1024 * 1024;
/** A LoRA of rank 16 on Stable Diffusion 1.5 holds 27 MiB of float32. */
const ADAPTER_BYTES = 4096 * MIB;
const LORA_FEED_BYTES = 1024 * MIB;
/** Four LoRAs at 512x512 and the wide cut hold 80 MiB for an image. */
const FEATURE_BYTES = 4096 * MIB;

/** Throws an InputError for a checkpoint that cannot be served. */
export async function readModel(options: Pick<EngineOptions, 'checkpoint' | 'device'>): Promise<ReadModel> {
  const checkpoint = await readCheckpoint(options.checkpoint);
  const defaults = await readCheckpointDefaults(options.checkpoint);
  return { checkpoint, model: describeModel(checkpoint, defaults, options.device) };
}

/** Throws an InputError for a checkpoint that cannot be served, and `unavailable` where the device is not there. */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const { logger } = options;
  const report = async (part: string, done: number): Promise<void> => {
    options.onProgress?.({ part, done, total: PARTS });
    // What comes next blocks the thread, so the report must be on its way before.
    await setImmediate();
  };

  await report('checkpoint', 0);
  const { checkpoint, model } = options.read ?? (await readModel(options));
  const sessions: Session[] = [];
  const load = async (name: string, graph: CompiledGraph, keepsMemory: boolean): Promise<LoadedGraph> => {
    const start = performance.now();
    const session = await openSession(graph, checkpoint, { ...options, keepsMemory });
    sessions.push(session);
    logger.debug({ graph: name, ms: Math.round(performance.now() - start) }, 'graph loaded');
    const component = name === 'text encoder' ? 'text_encoder' : 'unet';
    return { name, session, component, loraTargets: graph.loraTargets };
  };
  const close = async (): Promise<void> => {
    for (const session of sessions.splice(0)) await session.close();
  };

  try {
    await report('text encoder', 1);
    const textGraph = await load('text encoder', compileTextEncoder(checkpoint), false);
    await report('U-Net', 2);
    const cuts = everyCut(model);
    const full = await load('U-Net', compileUnet(checkpoint, { kind: 'full', cuts }), true);
    await report('VAE decoder', 3);
    const vae = await load('VAE decoder', compileVaeDecoder(checkpoint), false);
    await report('ready', PARTS);

    const reuse = onceEach(cutName, (cut: Cut) =>
      load(`U-Net reuse ${cutName(cut)}`, compileUnet(checkpoint, { kind: 'reuse', cut }), true),
    );
    const adapters = createAdapterCache({ maxBytes: ADAPTER_BYTES, load: loraReader(options, model.loraTargets) });
    const loraFeeds = createLoraFeeds({ adapterOf: adapters.get, maxBytes: LORA_FEED_BYTES });
    const features = createFeatureCache(FEATURE_BYTES);
    const textEncoder = createTextEncoder(textGraph, loraFeeds);
    const unet = createUnet({ full, reuse, featureOutput, levels: model.unet.levels }, loraFeeds);
    let leaseCount = 0;

    return {
      model,
      tokenize: createClipTokenizer(checkpoint.tokenizer),
      encodeText: textEncoder.submit,

      async predict(rows, signal) {
        const tasks = rows.map((row): UnetTask => {
          if (row.cache?.mode !== 'reuse') return { kind: 'full', row, keep: row.cache?.cut ?? null };
          return { kind: 'reuse', row, cut: row.cache.cut, feature: features.get(row.cache.key) };
        });
        const outputs = await unet.submit(tasks, signal);
        outputs.forEach(({ feature }, index) => {
          const key = rows[index]?.cache?.key;
          if (feature !== null && key !== undefined) features.put(key, feature);
        });
        return outputs.map(({ prediction }) => prediction);
      },

      async decode(latent, signal) {
        signal.throwIfAborted();
        const row = { inputs: new Map([['latent', latent]]), adapters: [], mayBeOnePosition: false };
        const [outputs] = await runRows(vae, [row], ['planes'], loraFeeds);
        return outputOf(outputs ?? new Map(), 'planes');
      },

      async acquireAdapters(loras, signal) {
        const release = await adapters.acquire(loras);
        if (signal.aborted) release();
        signal.throwIfAborted();
        leaseCount += 1;
        return { name: `lease-${leaseCount}`, release };
      },

      dropFeatures: features.dropByPrefix,
      usage: () => ({
        leasedAdapters: adapters.leased(),
        adapterBytes: adapters.bytes(),
        features: features.count(),
      }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const PARTS = 4;

async function openSession(
  graph: CompiledGraph,
  { directory }: Checkpoint,
  options: { readonly device: Device; readonly threads?: number; readonly keepsMemory: boolean },
): Promise<Session> {
  const { device, keepsMemory, threads = availableParallelism() } = options;
  try {
    return await Session.open({ bytes: graph.bytes, directory, device, threads, keepsMemory });
  } catch (cause) {
    if (device === 'cpu') throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ServiceError('unavailable', `device ${device} cannot be used (${reason}); cpu can`, { cause });
  }
}

/** All cuts that a request may ask for. The features are outputs of one full graph, and only those that are asked for are copied out. */
function everyCut({ unet }: ModelDescriptor): readonly Cut[] {
  const levels = Array.from({ length: unet.levels }, (_, level) => level);
  const layerCounts = Array.from({ length: unet.layersPerBlock + 1 }, (_, index) => index + 1);
  return levels.flatMap((level) => layerCounts.map((layers) => ({ level, layers })));
}

/** Calls `make` once for each key and gives everybody its promise; a failure may be tried again. */
function onceEach<Argument, Result>(
  keyOf: (argument: Argument) => string,
  make: (argument: Argument) => Promise<Result>,
): (argument: Argument) => Promise<Result> {
  const made = new Map<string, Promise<Result>>();
  return (argument) => {
    const key = keyOf(argument);
    const known = made.get(key);
    if (known !== undefined) return known;
    const promise = make(argument);
    made.set(key, promise);
    promise.catch(() => made.delete(key));
    return promise;
  };
}

/** Reads LoRA files by id. A file that has another hash by now is not the LoRA that the request was accepted with. */
function loraReader(
  { loras, loraFiles }: EngineOptions,
  targets: readonly LoraTarget[],
): (lora: LoraReference) => Promise<Adapter> {
  const folder = loras === undefined ? undefined : openLoraFolder(loras);
  return async ({ id, sha256 }) => {
    for (const path of [loraFiles?.get(id) ?? (await folder?.find(id)), await folder?.find(sha256)]) {
      if (path === undefined) continue;
      const { adapter } = await loadLoraFile(path, targets);
      if (adapter.sha256 === sha256) return adapter;
    }
    const message = `LoRA ${id} with sha256 ${sha256} is not there any more`;
    throw new InputError([{ code: 'lora_not_found', subject: id, message }]);
  };
}
