import type { CacheUse } from '../core/composition/method.ts';
import type { LatentColours } from '../core/image/latent-preview.ts';
import type { AdapterUse } from '../core/lora/adapter.ts';
import type { Tensor } from '../core/tensor/tensor.ts';

/**
 * What the pipeline asks of an engine. Rows of many jobs may share a call behind these functions; a caller never knows. Every
 * function rejects with the signal's reason once it is aborted.
 */

export interface TextRow {
  /** Exactly as many ids as the text encoder has positions (77). */
  readonly ids: readonly number[];
  readonly adapters: readonly AdapterUse[];
}

export interface UnetRow {
  /** [1, latentChannels, height / 8, width / 8], already scaled for the model by the sampler. */
  readonly latent: Tensor;
  readonly timestep: number;
  /** [1, positions, width], as `encodeText` returned it. */
  readonly text: Tensor;
  readonly adapters: readonly AdapterUse[];
  /** Keys are unique within the engine: the pipeline prefixes them with the trajectory's own name. */
  readonly cache?: CacheUse;
}

export interface EnginePorts {
  /** Token ids padded and truncated as CLIP does; `truncated` says whether text was cut off. */
  tokenize(text: string): { readonly ids: readonly number[]; readonly truncated: boolean };
  /** One [1, positions, width] tensor for each row, in order. */
  encodeText(rows: readonly TextRow[], signal: AbortSignal): Promise<readonly Tensor[]>;
  /** The model's raw output (noise or v) for each row, in order. A `cache.relativeTo` is refreshed by an earlier row of the call. */
  predict(rows: readonly UnetRow[], signal: AbortSignal): Promise<readonly Tensor[]>;
  /** Latents as the sampler left them, [1, C, h, w], to RGB planes [1, 3, 8h, 8w] in about -1 to 1. */
  decode(latent: Tensor, signal: AbortSignal): Promise<Tensor>;
  /** The linear map from latents to colours that previews are made with. */
  latentColours(signal: AbortSignal): Promise<LatentColours>;
  /** Median of the high band of the plain model's latents, measured where it is not known yet: `measure-threshold.ts`. */
  baseMedian(query: BaseMedianQuery, signal: AbortSignal): Promise<number>;
  /** Makes adapters ready by sha256; they stay so until `release`. Rejects with an InputError if one cannot be had. */
  acquireAdapters(
    loras: readonly { readonly id: string; readonly sha256: string }[],
    signal: AbortSignal,
  ): Promise<AdapterLease>;
  /** Forgets every cached feature whose key starts with the prefix. */
  dropFeatures(keyPrefix: string): void;
}

export interface BaseMedianQuery {
  /** Of the picture, in pixels. */
  readonly width: number;
  readonly height: number;
  readonly guidanceScale: number;
  readonly timestep: number;
}

export interface AdapterLease {
  /** Never given twice by one engine: the pipeline puts it in front of the keys of its cached features. */
  readonly name: string;
  release(): void;
}
