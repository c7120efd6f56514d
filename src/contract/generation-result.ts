import type { EvaluationPlan, FrequencyClass } from '../core/composition/method.ts';
import type { LoraReceipt } from '../core/lora/receipt.ts';
import type { ProfileStatus } from './lora-profile.ts';
import type { ImageContentType } from './output.ts';
import type { ResolvedRequest } from './resolved-request.ts';

/** The receipt of one LoRA of a request, under the name by which the request asked for it. */
export interface NamedReceipt extends LoraReceipt {
  readonly id: string;
  /** Of a LoRA in a request: whether it counts as high or low there, and who says so. */
  readonly frequency?: FrequencyUse;
}

/** One LoRA of a request. Its receipt is of the file alone, and stays the same object for every request that uses the file. */
export interface LoraInUse {
  readonly id: string;
  readonly receipt: LoraReceipt;
  readonly frequency?: FrequencyUse;
}

export function namedReceipt({ id, receipt, frequency }: LoraInUse): NamedReceipt {
  return { id, ...receipt, ...(frequency !== undefined && { frequency }) };
}

export interface FrequencyUse {
  readonly frequency_class: FrequencyClass;
  readonly source: FrequencySource;
  /** Class score of its profile, 0 (all broad) to 1 (all fine); null where there is none. */
  readonly score: number | null;
  /** How far its profile was when the request was accepted. */
  readonly profile: ProfileStatus;
}

/**
 * Who says so. `unclear`: its profile does not tell, and it counts as high. `assumed`: nobody, and it counts as high, too.
 */
export type FrequencySource = 'request' | 'category' | 'profile' | 'unclear' | 'assumed';

export interface ImageResult {
  readonly index: number;
  readonly seed: number;
  readonly width: number;
  readonly height: number;
  readonly content_type: ImageContentType;
  readonly bytes: number;
  /** Of the file, recipe included. Also the blob's address and the ETag. */
  readonly sha256: string;
  /** Of the pixels alone: RGB, 8 bits, row-major. */
  readonly pixels_sha256: string;
}

export interface ImagePlan {
  /** Index of the image. */
  readonly image: number;
  readonly plan: readonly EvaluationPlan[];
}

/** U-Net rows that ran, over all images: whole passes and passes that started from a cached feature. */
export interface PassCounts {
  readonly full: number;
  readonly reuse: number;
}

/** Milliseconds of each stage, summed over the images. */
export interface StageTimings {
  readonly queued_ms: number;
  readonly load_loras_ms: number;
  readonly encode_text_ms: number;
  readonly denoise_ms: number;
  readonly decode_ms: number;
  readonly encode_image_ms: number;
}

export interface GenerationResult {
  readonly images: readonly ImageResult[];
  readonly request: ResolvedRequest;
  readonly loras: readonly NamedReceipt[];
  /** One entry for each model evaluation of an image; every image of the request follows the same plan, unless there are `image_plans`. */
  readonly plan: readonly EvaluationPlan[];
  /** Where each image's own latent had a say (`mode: online`): the plan that each followed. `plan` is that of the first. */
  readonly image_plans?: readonly ImagePlan[];
  readonly passes: PassCounts;
  readonly timings: StageTimings;
  readonly model: { readonly id: string; readonly sha256: string };
  readonly device: string;
  readonly version: string;
  /** Things that a person should know and that are no error: a truncated prompt, an assumed frequency class. */
  readonly warnings: readonly string[];
}
