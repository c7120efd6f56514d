import { availableParallelism } from 'node:os';
import type { Checkpoint } from '../compiler/checkpoint.ts';
import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import { readCheckpointDefaults } from '../files/checkpoint-defaults.ts';
import { readCheckpoint } from '../files/checkpoint-folder.ts';
import type { EnginePorts } from '../pipeline/ports.ts';
import type { EngineMetrics } from '../telemetry/engine-metrics.ts';
import type { Logger } from '../telemetry/logger.ts';
import { createAdapterCache } from './adapter-cache.ts';
import { createBaseMedian } from './base-median.ts';
import { createClipTokenizer } from './clip-tokenizer.ts';
import { describeModel } from './describe-model.ts';
import { createFeatureCache } from './feature-cache.ts';
import { createLatentColours } from './latent-colours.ts';
import { type LoadProgress, loadGraphs } from './load-graphs.ts';
import { createLoraFeeds } from './lora-feeds.ts';
import { createPredict } from './predict-rows.ts';
import { createLoraReader } from './read-lora.ts';
import type { Device } from './session.ts';
import { createTextEncoder } from './text-encoder.ts';
import { createUnet } from './unet.ts';
import { createVae, type Vae } from './vae.ts';

/**
 * Opens a checkpoint as an engine: graphs loaded, caches empty. What it gives is the pipeline's ports, the model's descriptor and
 * `close`; ONNX Runtime does not show.
 */

export interface Engine extends EnginePorts, Vae {
  readonly model: ModelDescriptor;
  /** What is held at this moment. */
  usage(): {
    readonly leasedAdapters: number;
    readonly adapterBytes: number;
    readonly features: number;
    readonly featureBytes: number;
  };
  close(): Promise<void>;
}

export interface EngineOptions {
  /** A diffusers folder. */
  readonly checkpoint: string;
  /** What `readModel` gave for it, where that has been called already: reading hashes every byte. */
  readonly read?: ReadModel;
  /** A folder of LoRA files; a LoRA's id is its file's stem. */
  readonly loras: string | undefined;
  /** Where the file of this hash lies, if it is neither of the folder nor given by id. */
  readonly loraPath?: (sha256: string) => string | undefined;
  /** LoRA files elsewhere, by the id that requests use for them. */
  readonly loraFiles?: ReadonlyMap<string, string>;
  readonly device: Device;
  /** Threads of a run; default: all cores. */
  readonly threads?: number;
  /** How much loaded LoRAs may take, with a quarter of it on top for what is stacked of them; default: 4 GiB. */
  readonly adapterBytes?: number;
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Where what happens is counted; without it, nowhere. */
  readonly metrics?: EngineMetrics;
  readonly logger: Logger;
}

/** A checkpoint as far as it is known without a runtime: enough to resolve requests, and to refuse them before weights are loaded. */
export interface ReadModel {
  readonly checkpoint: Checkpoint;
  readonly model: ModelDescriptor;
}

const MIB = 1024 * 1024;
/** A LoRA of rank 16 on Stable Diffusion 1.5 holds 27 MiB of float32. */
const ADAPTER_BYTES = 4096 * MIB;
/** What is stacked of them for the calls of the model may take this share of their room, on top. */
const LORA_FEED_SHARE = 0.25;
/** Four LoRAs at 512x512 and the cut {0,3} hold 80 MiB for an image. */
const FEATURE_BYTES = 4096 * MIB;

/** Checkpoint, text encoder, U-Net, VAE decoder. */
const PART_COUNT = 4;

/** Throws an InputError for a checkpoint that cannot be served. */
export async function readModel(options: Pick<EngineOptions, 'checkpoint' | 'device'>): Promise<ReadModel> {
  const checkpoint = await readCheckpoint(options.checkpoint);
  const defaults = await readCheckpointDefaults(options.checkpoint);
  return { checkpoint, model: describeModel(checkpoint, defaults, options.device) };
}

/** Throws an InputError for a checkpoint that cannot be served, and `unavailable` where the device is not there. */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const { device, logger, threads = availableParallelism() } = options;
  const report = (part: string, done: number): void => options.onProgress?.({ part, done, total: PART_COUNT });

  report('checkpoint', 0);
  const { checkpoint, model } = options.read ?? (await readModel(options));
  const graphs = await loadGraphs(checkpoint, { device, threads, report, logger });
  report('ready', PART_COUNT);

  const { metrics } = options;
  const readLora = createLoraReader({
    folder: options.loras,
    files: options.loraFiles ?? new Map(),
    ...(options.loraPath !== undefined && { pathOf: options.loraPath }),
    targets: model.loraTargets,
  });
  const { adapterBytes = ADAPTER_BYTES } = options;
  const adapters = createAdapterCache({
    maxBytes: adapterBytes,
    async load(lora) {
      const stop = metrics?.loraLoadSeconds.startTimer();
      const adapter = await readLora(lora);
      stop?.();
      return adapter;
    },
    onLease: (outcome) => metrics?.loraCacheRequests.inc({ outcome }),
    onEvict: () => metrics?.loraCacheEvictions.inc(),
  });
  const loraFeeds = createLoraFeeds({ adapterOf: adapters.get, maxBytes: adapterBytes * LORA_FEED_SHARE });
  const features = createFeatureCache(FEATURE_BYTES);
  const textEncoder = createTextEncoder(graphs.textEncoder, loraFeeds);
  const unet = createUnet(graphs.unet, loraFeeds, (kind, { rows, ms }) => {
    metrics?.unetRows.inc({ kind }, rows);
    metrics?.unetCallSeconds.observe({ kind }, ms / 1000);
  });
  const vae = createVae(graphs.vae, loraFeeds);
  let leaseCount = 0;

  const texts = { tokenize: createClipTokenizer(checkpoint.tokenizer), encodeText: textEncoder.submit };
  const predict = createPredict(unet, features);

  return {
    model,
    ...texts,
    predict,
    baseMedian: createBaseMedian(model, { ...texts, predict }),

    ...vae,
    latentColours: createLatentColours(model.latentChannels, vae.decode),

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
      featureBytes: features.bytes(),
    }),
    close: graphs.close,
  };
}
