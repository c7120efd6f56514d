import { assert } from '../assert.ts';
import type { CompositionPlanner, CompositionSetup } from './method.ts';
import { planOneAtATime } from './one-at-a-time.ts';
import type { SwitchComposition } from './options.ts';

/**
 * LoRA Switch (Multi-LoRA-Composition, arXiv 2402.16843, section 3): one adapter at a time, in request order, `tau` evaluations each:
 * adapter floor(evaluation / tau) mod N. One pass an evaluation, however many adapters. The authors' code changes over one step late,
 * so that its first adapter acts once more; that is not followed.
 */
export function planSwitch(composition: SwitchComposition, setup: CompositionSetup): CompositionPlanner<null> {
  const { adapters } = setup;
  return planOneAtATime(setup, {
    policy: composition.text_encoder,
    activeAt({ index }) {
      const active = adapters[Math.floor(index / composition.tau) % adapters.length];
      assert(active !== undefined, 'somebody has to act');
      return active;
    },
  });
}
