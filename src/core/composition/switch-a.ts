import { assert } from '../assert.ts';
import { leadingOrder } from '../sequencer/order.ts';
import type { CompositionPlanner, CompositionSetup } from './method.ts';
import { planOneAtATime } from './one-at-a-time.ts';
import type { SwitchAComposition } from './options.ts';

/**
 * Switch-A (CMLoRA, arXiv 2502.04923, its ablation: the order without the cache): LoRA Switch within the high set until `phase_at` and
 * within the low set after it, `tau` evaluations each, every phase from the beginning of its set. With one set only it is LoRA
 * Switch. What is followed is its intent: the authors' code never gets to the low set, and with two adapters ignores tau.
 */
export function planSwitchA(composition: SwitchAComposition, setup: CompositionSetup): CompositionPlanner<null> {
  const { adapters, evaluations, trainTimestepCount } = setup;
  const { phases } = leadingOrder(
    adapters.map(({ frequencyClass }) => frequencyClass),
    { direction: 'high_first', late_set: 'low', requested: null },
  );
  const isLate = (timestep: number) => phases.length > 1 && 1 - timestep / trainTimestepCount >= composition.phase_at;
  const earlyCount = evaluations.filter(({ timestep }) => !isLate(timestep)).length;
  return planOneAtATime(setup, {
    policy: composition.text_encoder,
    activeAt({ index, timestep }) {
      const [set = [], since] = isLate(timestep) ? [phases[1], index - earlyCount] : [phases[0], index];
      const active = adapters[set[Math.floor(since / composition.tau) % set.length] ?? -1];
      assert(active !== undefined, 'somebody has to act');
      return active;
    },
  });
}
