import { expect, test } from 'vitest';
import { planDeltaComposite } from '../../../../src/core/composition/delta-composite.ts';
import type { DeltaCompositeComposition } from '../../../../src/core/composition/options.ts';
import { adaptersOf, setupOf } from '../../../support/composition.ts';

const SETUP = setupOf(adaptersOf('high', 'low', 'high'), 1);

function planned(options: Partial<DeltaCompositeComposition>, setup = SETUP) {
  const composition = { method: 'delta-composite', scale: 1, uncond: 'per_lora', text_encoder: 'own' } as const;
  const planner = planDeltaComposite({ ...composition, ...options }, setup);
  const plan = planner.plan({ index: 0, step: 0, timestep: 999 }, null);
  /** The pass of adapter j predicts 10^j on the prompt and twice that on the negative text; the plain model 1000. */
  const predictions = plan.passes.map(({ adapters, conditioning }) => {
    const place = 'abc'.indexOf(adapters[0]?.adapter.at(-1) ?? '?');
    const value = place < 0 ? 1000 : 10 ** place;
    return { dims: [1], data: Float32Array.of(conditioning.text === 'negative' ? 2 * value : value) };
  });
  const { uncond, cond } = planner.combine(plan, predictions);
  return { rows: plan.passes.length, uncond: uncond?.data[0], cond: cond.data[0] };
}

test('differences from the plain model are added up on both guidance halves', () => {
  expect(planned({})).toEqual({ rows: 8, uncond: 2 * (111 - 2000), cond: 111 - 2000 });
  expect(planned({ scale: 0.5 })).toEqual({ rows: 8, uncond: 2 * (55.5 - 500), cond: 55.5 - 500 });
});

test('with uncond base, guidance leads away from the plain model, and the LoRAs run on the prompt alone', () => {
  expect(planned({ uncond: 'base' })).toEqual({ rows: 5, uncond: 2000, cond: 111 - 2000 });
});

test('where the plain model would count for nothing it does not run', () => {
  expect(planned({ scale: 0.5 }, setupOf(adaptersOf('high', 'low'), 1))).toEqual({ rows: 4, uncond: 11, cond: 5.5 });
  expect(planned({}, setupOf(adaptersOf('high'), 1)).rows).toBe(2);
});

test('without guidance there is the prompt alone', () => {
  expect(planned({}, { ...SETUP, guided: false })).toEqual({ rows: 4, uncond: undefined, cond: 111 - 2000 });
});
