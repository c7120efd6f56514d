import { assert } from '../assert.ts';
import { roundHalfToEven } from '../round-half-to-even.ts';
import type { CompositionPlanner, CompositionSetup } from './method.ts';
import { planOneAtATime } from './one-at-a-time.ts';
import type { WSwitchComposition } from './options.ts';
import { weightsOf } from './passes.ts';

/**
 * W-Switch (prompt-aware multi-LoRA composition, arXiv 2606.03792): LoRA Switch in which an adapter acts the longer the more the
 * prompt means by it. Turns of max(1, round(w / max(w) * tau)) evaluations in request order, round and round, and at the end the
 * closing adapter's evaluations, whoever's turn it is. The weights are those of `prompt-weights.ts`. The authors' code changes
 * over one step late; that is not followed.
 */
export function planWSwitch(composition: WSwitchComposition, setup: CompositionSetup): CompositionPlanner<null> {
  const { adapters, evaluations } = setup;
  const { tau, closing } = composition;
  const weights = weightsOf(adapters, composition.weights);
  const largest = Math.max(...weights);
  /** Every place of a round belongs to an adapter. */
  const round = adapters.flatMap((adapter, index) => {
    const length = Math.max(1, roundHalfToEven(((weights[index] ?? 0) / largest) * tau));
    return Array.from({ length }, () => adapter);
  });
  const last = adapters.find(({ id }) => id === closing.id);
  return planOneAtATime(setup, {
    policy: composition.text_encoder,
    activeAt({ index }) {
      const isClosing = index >= evaluations.length - closing.evaluations;
      const active = isClosing && last !== undefined ? last : round[index % round.length];
      assert(active !== undefined, 'somebody has to act');
      return active;
    },
  });
}
