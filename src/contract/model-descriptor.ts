import type { Cut } from '../core/composition/method.ts';
import type { LoraTarget } from '../core/lora/target.ts';
import type { PassCost } from '../core/pass-cost.ts';
import type { SamplerName } from '../core/samplers/names.ts';
import type { SchedulerConfig } from '../core/schedule/scheduler-config.ts';

/**
 * What a worker publishes about the checkpoint it serves. With it a gateway answers receipts, plans and "wrong base" by itself,
 * with no ONNX Runtime and no checkpoint in reach.
 */
export interface ModelDescriptor {
  /** The folder's name; also names the queue. */
  readonly id: string;
  /** sha256 over the hashes of the weight files and configs. */
  readonly sha256: string;
  readonly family: 'sd1';
  /** Where it runs, e.g. `cpu` or `cuda:0`. */
  readonly device: string;
  readonly latentChannels: number;
  /** Pixels for each latent cell, along a side. */
  readonly latentScale: number;
  /** Width and height must be multiples of this many pixels. */
  readonly sideMultiple: number;
  readonly unet: { readonly layersPerBlock: number; readonly levels: number };
  /** What a pass costs: a whole one, and a reuse pass at each cut that there is. */
  readonly passCosts: {
    readonly full: PassCost;
    readonly reuse: readonly { readonly cut: Cut; readonly cost: PassCost }[];
  };
  readonly scheduler: SchedulerConfig;
  readonly loraTargets: readonly LoraTarget[];
  readonly defaults: {
    readonly width: number;
    readonly height: number;
    readonly steps: number;
    readonly guidance_scale: number;
    readonly sampler: SamplerName;
  };
}
