import { foldHalves } from './fold.ts';
import type { CompositionPlanner, CompositionSetup } from './method.ts';
import type { CompositeComposition } from './options.ts';
import { inFoldingOrder, passOfOne, textsOf, wholePlan } from './passes.ts';

/**
 * The planner of every method in which all adapters predict alone at every evaluation and are folded with weights that never change.
 * `weights` are in request order and sum to 1.
 */
export function planWeightedComposite(
  setup: CompositionSetup,
  options: { readonly policy: CompositeComposition['text_encoder']; readonly weights: readonly number[] },
): CompositionPlanner<null> {
  const { adapters, guided } = setup;
  const folded = inFoldingOrder(adapters);
  const weightOf = (adapter: (typeof adapters)[number]) => options.weights[adapters.indexOf(adapter)] ?? 0;
  const passes = folded.flatMap((adapter) =>
    textsOf(guided).map((text) => passOfOne(adapter, text, { all: adapters, policy: options.policy })),
  );
  const weights = adapters.map((adapter) => ({ id: adapter.id, weight: weightOf(adapter) }));
  return {
    start: null,
    plan: (evaluation) => wholePlan(evaluation, passes, { weights, full: adapters }),
    combine: (_plan, predictions) => foldHalves(folded.map(weightOf), predictions, textsOf(guided)),
  };
}
