import { foldHalves } from './fold.ts';
import type { ComposedAdapter, CompositionPlanner, CompositionSetup, Evaluation } from './method.ts';
import type { TextEncoderPolicy } from './options.ts';
import { passOfOne, textsOf, wholePlan } from './passes.ts';

/**
 * The planner of every method in which one adapter acts at an evaluation, alone and at its own weight: one pass, however many
 * adapters there are. The methods differ in whose evaluation it is.
 */
export function planOneAtATime(
  setup: CompositionSetup,
  options: {
    readonly policy: TextEncoderPolicy;
    readonly activeAt: (evaluation: Evaluation) => ComposedAdapter;
  },
): CompositionPlanner<null> {
  const { adapters, guided } = setup;
  return {
    start: null,
    plan(evaluation) {
      const active = options.activeAt(evaluation);
      const passes = textsOf(guided).map((text) => passOfOne(active, text, { all: adapters, policy: options.policy }));
      const weights = adapters.map((adapter) => ({ id: adapter.id, weight: adapter === active ? 1 : 0 }));
      return wholePlan(evaluation, passes, { leader: active, weights, full: [active] });
    },
    combine: (_plan, predictions) => foldHalves([1], predictions, textsOf(guided)),
  };
}
