import { foldHalves } from './fold.ts';
import type { CompositionPlanner, CompositionSetup } from './method.ts';
import type { CompositeComposition } from './options.ts';
import { inFoldingOrder, passOfOne, textsOf } from './passes.ts';

/**
 * LoRA Composite (Multi-LoRA-Composition, arXiv 2402.16843, section 3): every adapter predicts alone at every evaluation, and each
 * guidance half is the mean of its predictions. N passes an evaluation; the same as CMLoRA with c = 1 and nothing cached.
 */
export function planComposite(composition: CompositeComposition, setup: CompositionSetup): CompositionPlanner<null> {
  const { adapters, guided } = setup;
  const weight = 1 / adapters.length;
  const passes = inFoldingOrder(adapters).flatMap((adapter) =>
    textsOf(guided).map((text) => passOfOne(adapter, text, { all: adapters, policy: composition.text_encoder })),
  );
  return {
    start: null,
    plan: ({ index, step, timestep }) => ({
      passes,
      summary: {
        evaluation: index,
        step,
        timestep,
        leader: null,
        weights: adapters.map(({ id }) => ({ id, weight })),
        full: adapters.map(({ id }) => id),
        reuse: [],
      },
      state: null,
    }),
    combine: (_plan, predictions) =>
      foldHalves(
        adapters.map(() => weight),
        predictions,
        textsOf(guided),
      ),
  };
}
