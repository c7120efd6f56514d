import type { AdapterUse } from '../lora/adapter.ts';
import type { Tensor } from '../tensor/tensor.ts';

/**
 * The interface of every composition method: *what to run* at a model evaluation and *how to fold* what came back. A method never
 * sees a model, a cache or a device, and holds no memory: what it needs to remember it returns as `state`.
 */

/** One evaluation of the model within a trajectory. A sampler makes one or two of them for each denoising step. */
export interface Evaluation {
  /** Position among all evaluations, from 0 (noisiest). */
  readonly index: number;
  /** The denoising step it belongs to, from 0. */
  readonly step: number;
  /** Training timestep, 0 to 999, possibly fractional. */
  readonly timestep: number;
}

export type FrequencyClass = 'high' | 'low';

/** A LoRA of the request, as composition sees it. */
export interface ComposedAdapter {
  readonly adapter: string;
  /** The caller's name for it, for plans and messages. */
  readonly id: string;
  readonly weight: { readonly unet: number; readonly textEncoder: number };
  readonly frequencyClass: FrequencyClass;
  /** True where nobody measured or stated the class, so that it was taken to be high. */
  readonly frequencyClassAssumed: boolean;
}

/**
 * Where the deep features of the U-Net are cut for caching: the cached feature is the input, before the skip concatenation, of
 * resnet `layersPerBlock + 1 - layers` of `up_blocks[levels - 1 - level]`. `{ level: 0, layers: 1 }` is called `outer`.
 */
export interface Cut {
  readonly level: number;
  /** 1 to layersPerBlock + 1. */
  readonly layers: number;
}

/** Core decides, the engine remembers: `refresh` stores the pass's deep feature under `key`, `reuse` starts from the stored one. */
export interface CacheUse {
  readonly mode: 'refresh' | 'reuse';
  readonly cut: Cut;
  /** Unique within one image's trajectory. */
  readonly key: string;
  /**
   * The key under which a pass of the same evaluation stores its own feature, the origin. What is stored is then the difference from
   * the origin, and what a reuse pass starts from is the stored difference plus the origin of now.
   */
  readonly relativeTo?: string;
  /**
   * Where it is there, a refresh pass also keeps what was stored before, and a reuse pass starts from stored + trend * (stored -
   * before). 0 on a refresh pass, and until two have been stored.
   */
  readonly trend?: number;
}

/** Which text a pass is conditioned on, and which adapters act on the text encoder while it is encoded. */
export interface Conditioning {
  readonly text: 'prompt' | 'negative';
  readonly adapters: readonly AdapterUse[];
}

/** One row of U-Net work. Composition weights are no part of it: they live in `combine` alone. */
export interface UnetPass {
  readonly adapters: readonly AdapterUse[];
  readonly conditioning: Conditioning;
  /** Absent where nothing is cached. */
  readonly cache?: CacheUse;
}

/** What a plan says of one evaluation to a person who inspects it. Adapters are named by their request ids. */
export interface EvaluationPlan {
  readonly evaluation: number;
  readonly step: number;
  readonly timestep: number;
  /** The dominant LoRA, where the method has one. */
  readonly leader: string | null;
  /**
   * Weights of the LoRAs' predictions on the prompt, in request order; what they lack to 1 is the plain model's. Empty where all LoRAs
   * share one prediction, and where the weights hang on the predictions themselves.
   */
  readonly weights: readonly { readonly id: string; readonly weight: number }[];
  /** LoRAs whose passes run the whole U-Net, and those that start from their cached feature; passes of the plain model are in neither. */
  readonly full: readonly string[];
  readonly reuse: readonly string[];
  /** What was seen of the latent before it was decided who leads; absent where that was known beforehand. */
  readonly observed?: ObservedHighBand;
}

export interface ObservedHighBand {
  /** Share of the high band of its spectrum (cmlora.md, A.2); null where its spectrum has none. */
  readonly high_band: number | null;
  /** What it is held against. */
  readonly threshold: number;
  readonly phase: 'first' | 'second';
}

/** What a method may look at before it plans an evaluation. Absent while a plan is only foretold. */
export interface Observation {
  /** The latent as the model is about to be shown it, [1, channels, height / 8, width / 8]. */
  readonly latent: Tensor;
}

export interface PassPlan<State> {
  readonly passes: readonly UnetPass[];
  readonly summary: EvaluationPlan;
  readonly state: State;
}

/** Noise predictions of the two guidance halves; `uncond` is null where guidance is off. */
export interface Predictions {
  readonly uncond: Tensor | null;
  readonly cond: Tensor;
}

/** What a method is told before the first evaluation. */
export interface CompositionSetup {
  /** In request order; may be empty (the plain base model). */
  readonly adapters: readonly ComposedAdapter[];
  readonly evaluations: readonly Evaluation[];
  /** Timesteps that the model was trained with (1000): the trajectory fraction u is 1 - timestep / this. */
  readonly trainTimestepCount: number;
  /** False where the guidance scale is 1 or less, so that no unconditional pass is needed. */
  readonly guided: boolean;
}

/**
 * A method bound to one trajectory. `State` is opaque to everyone else. Two images of one request run the same planner from the
 * same start, each with its own state.
 */
export interface CompositionPlanner<State = unknown> {
  readonly start: State;
  /** True where the latent has a say in the plan, so that two images may follow two plans, and one without it is what to expect. */
  readonly isOnline?: boolean;
  plan(evaluation: Evaluation, state: State, observation?: Observation): PassPlan<State>;
  /** Folds the predictions, one for each pass and in the order of `passes`. */
  combine(plan: PassPlan<State>, predictions: readonly Tensor[]): Predictions;
}
