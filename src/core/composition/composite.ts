import type { CompositionPlanner, CompositionSetup } from './method.ts';
import type { CompositeComposition } from './options.ts';
import { planWeightedComposite } from './weighted-composite.ts';

/**
 * LoRA Composite (Multi-LoRA-Composition, arXiv 2402.16843, section 3): every adapter predicts alone at every evaluation, and each
 * guidance half is the mean of its predictions. N passes an evaluation; the same as CMLoRA with c = 1 and nothing cached.
 */
export function planComposite(composition: CompositeComposition, setup: CompositionSetup): CompositionPlanner<null> {
  const weights = setup.adapters.map(() => 1 / setup.adapters.length);
  return planWeightedComposite(setup, { policy: composition.text_encoder, weights });
}
