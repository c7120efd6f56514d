import type { EvaluationPlan, FrequencyClass } from '../core/composition/method.ts';
import type { NamedReceipt, PassCounts } from './generation-result.ts';
import type { ResolvedRequest } from './resolved-request.ts';

/** What a request would do, said before any tensor runs. What it says of passes is what then runs: a result has the same plan. */
export interface GenerationPlan {
  readonly request: ResolvedRequest;
  readonly loras: readonly NamedReceipt[];
  /** Who leads by the frequency classes, and why in that order. Null with every method but cmlora: switch leads in request order. */
  readonly leading: LeadingPlan | null;
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
  readonly high: readonly string[];
  readonly low: readonly string[];
  /** `request`: the request stated the class. `assumed`: nobody did, and it was taken to be high. */
  readonly classes: readonly {
    readonly id: string;
    readonly frequency_class: FrequencyClass;
    readonly source: 'request' | 'assumed';
  }[];
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
