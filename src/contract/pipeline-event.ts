import type { EvaluationPlan } from '../core/composition/method.ts';
import type { ImagePlan, PassCounts } from './generation-result.ts';

/** What `generate()` yields, and what an engine child sends its worker. Pixels are raw: encoding and storing is the consumer's work. */
export type PipelineEvent =
  | {
      readonly type: 'step';
      readonly image: number;
      readonly step: number;
      readonly steps: number;
      readonly leader: string | null;
    }
  | {
      /** The picture as far as it is known after a step. */
      readonly type: 'preview';
      readonly image: number;
      readonly step: number;
      /** One pixel for each latent cell. */
      readonly width: number;
      readonly height: number;
      /** RGB, 8 bits, row-major: 3 * width * height bytes. */
      readonly pixels: Uint8Array;
    }
  | {
      readonly type: 'image';
      readonly image: number;
      readonly seed: number;
      readonly width: number;
      readonly height: number;
      /** RGB, 8 bits, row-major: 3 * width * height bytes. */
      readonly pixels: Uint8Array;
    }
  | {
      readonly type: 'done';
      readonly plan: readonly EvaluationPlan[];
      readonly image_plans?: readonly ImagePlan[];
      readonly passes: PassCounts;
      readonly timings: PipelineTimings;
      readonly warnings: readonly string[];
    };

export interface PipelineTimings {
  readonly load_loras_ms: number;
  readonly encode_text_ms: number;
  readonly denoise_ms: number;
  readonly decode_ms: number;
}
