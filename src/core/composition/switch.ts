import { assert } from '../assert.ts';
import { foldHalves } from './fold.ts';
import type { CompositionPlanner, CompositionSetup } from './method.ts';
import type { SwitchComposition } from './options.ts';
import { passOfOne, textsOf } from './passes.ts';

/**
 * LoRA Switch (Multi-LoRA-Composition, arXiv 2402.16843, section 3): one adapter at a time, in request order, `tau` evaluations each:
 * adapter floor(evaluation / tau) mod N. One pass an evaluation, however many adapters. The authors' code changes over one step late,
 * so that its first adapter acts once more; that is not followed.
 */
export function planSwitch(composition: SwitchComposition, setup: CompositionSetup): CompositionPlanner<null> {
  const { adapters, guided } = setup;
  return {
    start: null,
    plan({ index, step, timestep }) {
      const active = adapters[Math.floor(index / composition.tau) % adapters.length];
      assert(active !== undefined, 'somebody has to act');
      return {
        passes: textsOf(guided).map((text) =>
          passOfOne(active, text, { all: adapters, policy: composition.text_encoder }),
        ),
        summary: {
          evaluation: index,
          step,
          timestep,
          leader: active.id,
          weights: adapters.map((adapter) => ({ id: adapter.id, weight: adapter === active ? 1 : 0 })),
          full: [active.id],
          reuse: [],
        },
        state: null,
      };
    },
    combine: (_plan, predictions) => foldHalves([1], predictions, textsOf(guided)),
  };
}
