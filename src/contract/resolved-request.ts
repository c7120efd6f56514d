import type { FrequencyClass } from '../core/composition/method.ts';
import type { Composition } from '../core/composition/options.ts';
import type { SamplerName } from '../core/samplers/names.ts';
import type { Output } from './output.ts';

export interface ResolvedLora {
  readonly id: string;
  readonly sha256: string;
  readonly weight: { readonly unet: number; readonly text_encoder: number };
  readonly frequency_class: FrequencyClass;
  readonly frequency_class_assumed: boolean;
}

/**
 * A generation request with every default filled in: what the worker runs, what a result repeats and what a picture's recipe holds.
 * No id, clock, device or door in it, so that the same request gives the same file by every way in.
 */
export interface ResolvedRequest {
  readonly model: string;
  readonly model_sha256: string;
  readonly prompt: string;
  readonly negative_prompt: string;
  readonly width: number;
  readonly height: number;
  readonly steps: number;
  readonly guidance_scale: number;
  readonly guidance_rescale: number;
  readonly sampler: SamplerName;
  /** Image i starts from the noise of seed + i. */
  readonly seed: number;
  readonly n: number;
  readonly loras: readonly ResolvedLora[];
  readonly composition: Composition;
  readonly output: Output;
}
