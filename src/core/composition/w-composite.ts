import type { CompositionPlanner, CompositionSetup } from './method.ts';
import type { WCompositeComposition } from './options.ts';
import { weightsOf } from './passes.ts';
import { planWeightedComposite } from './weighted-composite.ts';

/**
 * W-Composite (prompt-aware multi-LoRA composition, arXiv 2606.03792): LoRA Composite in which an adapter counts the more the nearer
 * its trigger phrases are to the prompt: eps = sum of w_j (eps_u,j + s (eps_c,j - eps_u,j)) / sum of w_j, which is one fold on each
 * guidance half. The weights are those of `prompt-weights.ts`.
 */
export function planWComposite(composition: WCompositeComposition, setup: CompositionSetup): CompositionPlanner<null> {
  const weights = weightsOf(setup.adapters, composition.weights);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return planWeightedComposite(setup, {
    policy: composition.text_encoder,
    weights: weights.map((weight) => weight / sum),
  });
}
