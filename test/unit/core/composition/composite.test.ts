import { expect, test } from 'vitest';
import { planComposite } from '../../../../src/core/composition/composite.ts';
import { adaptersOf, plansOf, setupOf } from '../../../support/composition.ts';

const ADAPTERS = adaptersOf('low', 'high', 'high', 'high');

test('every adapter predicts alone at every evaluation, at its own weight', () => {
  const setup = setupOf(ADAPTERS, 3);
  for (const { passes, summary } of plansOf(
    planComposite({ method: 'composite', text_encoder: 'own' }, setup),
    setup,
  )) {
    expect(passes.map(({ adapters }) => adapters)).toEqual(
      ADAPTERS.flatMap(({ adapter, weight }) => [
        [{ adapter, weight: weight.unet }],
        [{ adapter, weight: weight.unet }],
      ]),
    );
    expect(summary).toMatchObject({ leader: null, full: ['a', 'b', 'c', 'd'], reuse: [] });
    expect(summary.weights.map(({ weight }) => weight)).toEqual([0.25, 0.25, 0.25, 0.25]);
  }
});

test('the passes, and so the sums, do not depend on the order of the adapters', () => {
  const passesOf = (adapters: typeof ADAPTERS) => {
    const setup = setupOf(adapters, 1);
    return plansOf(planComposite({ method: 'composite', text_encoder: 'all' }, setup), setup)[0]?.passes;
  };
  expect(passesOf(ADAPTERS.toReversed())).toEqual(passesOf(ADAPTERS));
});

test('each guidance half is the mean of its predictions', () => {
  const setup = setupOf(ADAPTERS, 1);
  const planner = planComposite({ method: 'composite', text_encoder: 'own' }, setup);
  const plan = planner.plan({ index: 0, step: 0, timestep: 999 }, null);
  // Negative then prompt, of a, b, c and d.
  const predictions = [1, 10, 2, 20, 4, 40, 9, 90].map((value) => ({ dims: [1], data: Float32Array.of(value) }));
  const { uncond, cond } = planner.combine(plan, predictions);
  expect([uncond?.data[0], cond.data[0]]).toEqual([4, 40]);
});

test.each([
  ['own', ['sha-b']],
  ['all', ['sha-a', 'sha-b', 'sha-c', 'sha-d']],
  ['none', []],
] as const)('text_encoder %s says which adapters act on the text of the second one', (policy, expected) => {
  const setup = setupOf(ADAPTERS, 1);
  const [plan] = plansOf(planComposite({ method: 'composite', text_encoder: policy }, setup), setup);
  expect(plan?.passes[3]?.conditioning.adapters.map(({ adapter }) => adapter)).toEqual(expected);
});
