import type { EvaluationPlan } from '../core/composition/method.ts';
import type { FrequencyUse, NamedReceipt, PassCounts } from './generation-result.ts';
import type { ResolvedRequest } from './resolved-request.ts';

/** What a request would do, said before any tensor runs. What it says of passes is what then runs: a result has the same plan. */
export interface GenerationPlan {
  readonly request: ResolvedRequest;
  readonly loras: readonly NamedReceipt[];
  /** Who leads by the frequency classes, and why in that order. Null with the methods that do not look at them: all but cmlora and switch-a. */
  readonly leading: LeadingPlan | null;
  /**
   * `exact`: it is what will run. `expected`: the latents of the images have a say (`mode: online`), and this is what runs where they
   * are as the plain model's mostly are; leaders may change earlier or later, and other passes may run in full.
   */
  readonly certainty: 'exact' | 'expected';
  /** One entry for each model evaluation of an image; every image of the request follows the same plan. */
  readonly plan: readonly PlannedEvaluation[];
  /** U-Net rows over all images. */
  readonly passes: PassCounts;
  readonly cost: PlanCost;
  readonly model: { readonly id: string; readonly sha256: string };
  readonly warnings: readonly string[];
}

export interface PlannedEvaluation extends EvaluationPlan {
  /** LoRAs whose cached feature this evaluation computes anew. Those of `reuse` start from theirs. */
  readonly refreshed: readonly string[];
  /** Of one image, in whole passes of one row: 1 for a full one, the cut's share for one that reuses. */
  readonly cost: number;
}

/** LoRAs by the ids of the request. */
export interface LeadingPlan {
  readonly order: readonly string[];
  /** `request`: the request names it. `profile`: by falling score within each set. `classes`: as the request lists them, within each set. */
  readonly order_source: 'request' | 'profile' | 'classes';
  readonly high: readonly string[];
  readonly low: readonly string[];
  /** In request order. */
  readonly classes: readonly ({ readonly id: string } & FrequencyUse)[];
  /** The score that divides high from low; null where profiles divide nothing. */
  readonly split: number | null;
  /** Kendall's tau of the two halves of the seeds over the LoRAs that have a profile; below 0.6 their classes are unclear. */
  readonly halves_tau: number | null;
}

/** In multiply-accumulate operations (MACs) of the U-Net, attention included, LoRAs' own products left out. */
export interface PlanCost {
  /** All rows of all images, in whole passes of one row. */
  readonly full_passes: number;
  /** One whole pass of one row at this size. */
  readonly full_pass_macs: number;
  /** What one reuse pass costs of a full one; null where nothing is reused. */
  readonly reuse_share: number | null;
}
