import { planMerge } from './merge.ts';
import type { CompositionPlanner, CompositionSetup } from './method.ts';
import type { LorahubComposition } from './options.ts';
import { scaled, weightsOf } from './passes.ts';

/**
 * LoraHub (arXiv 2307.13269) for pictures: LoRA Merge with a weight for each adapter that a gradient-free search has found, in -1.5 to
 * 1.5 (`pipeline/search-weights.ts`). The merge is exact, by concatenated ranks: the authors sum the factors A and B apart from each
 * other, which adds products of one adapter's A with another's B and needs equal ranks.
 */
export function planLorahub(composition: LorahubComposition, setup: CompositionSetup): CompositionPlanner<null> {
  const found = weightsOf(setup.adapters, composition.weights);
  const adapters = setup.adapters.map((adapter, index) => scaled(adapter, found[index] ?? 1));
  return planMerge({ method: 'merge', scale: 1, text_encoder: composition.text_encoder }, { ...setup, adapters });
}
