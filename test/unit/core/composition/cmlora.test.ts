import { expect, test } from 'vitest';
import { planCmlora } from '../../../../src/core/composition/cmlora.ts';
import { adaptersOf, cmloraOf, plansOf, setupOf } from '../../../support/composition.ts';

const ADAPTERS = adaptersOf('low', 'high', 'high');

test('every adapter predicts alone, in leading order, with its own text on both guidance halves', () => {
  const setup = setupOf(ADAPTERS, 20);
  const [plan] = plansOf(planCmlora(cmloraOf(setup), setup), setup);
  expect(plan?.passes.map(({ adapters, conditioning }) => [adapters, conditioning])).toEqual(
    ['b', 'c', 'a'].flatMap((id) => {
      const weight = ADAPTERS.find((adapter) => adapter.id === id)?.weight;
      return ['negative', 'prompt'].map((text) => [
        [{ adapter: `sha-${id}`, weight: weight?.unet }],
        { text, adapters: [{ adapter: `sha-${id}`, weight: weight?.textEncoder }] },
      ]);
    }),
  );
});

test('the summary speaks of adapters in request order', () => {
  const setup = setupOf(ADAPTERS, 20);
  const plans = plansOf(planCmlora(cmloraOf(setup), setup), setup);
  expect(plans[0]?.summary).toMatchObject({ leader: 'b', full: ['a', 'b', 'c'], reuse: [] });
  expect(plans[0]?.summary.weights.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
  expect(plans.at(-1)?.summary.leader).toBe('a');
});

test('text_encoder says which adapters act on the text', () => {
  const setup = setupOf(ADAPTERS, 20);
  const textOf = (policy: 'all' | 'none') =>
    plansOf(planCmlora(cmloraOf(setup, { text_encoder: policy }), setup), setup)[0]?.passes[0]?.conditioning.adapters;
  expect(textOf('all')?.map(({ adapter }) => adapter)).toEqual(['sha-a', 'sha-b', 'sha-c']);
  expect(textOf('none')).toEqual([]);
});

test('a pass refreshes or reuses a cache of its own, for each guidance half', () => {
  const setup = setupOf(ADAPTERS, 20);
  const plans = plansOf(planCmlora(cmloraOf(setup), setup), setup);
  const keys = plans[0]?.passes.map(({ cache }) => cache?.key);
  expect(new Set(keys).size).toBe(6);
  expect(plans[0]?.passes.every(({ cache }) => cache?.mode === 'refresh')).toBe(true);
  // Warm-up is two of 20 evaluations; then one adapter at a time.
  expect(plans[2]?.passes.filter(({ cache }) => cache?.mode === 'refresh')).toHaveLength(2);
  expect(plans[2]?.passes[0]?.cache?.cut).toEqual({ level: 0, layers: 3 });
});

test.each([
  ['refresh all', { refresh: { policy: 'all' } }],
  ['max_age 1', { refresh: { max_age: 1 } }],
  ['cut none', { cut: 'none' }],
] as const)('%s keeps nothing', (_, options) => {
  const setup = setupOf(ADAPTERS, 20);
  const plans = plansOf(planCmlora(cmloraOf(setup, options), setup), setup);
  expect(plans.flatMap(({ passes }) => passes).filter(({ cache }) => cache !== undefined)).toEqual([]);
  expect(plans.every(({ summary }) => summary.full.length === 3 && summary.reuse.length === 0)).toBe(true);
});

test('both guidance halves are folded with the weights of the summary', () => {
  const setup = setupOf(ADAPTERS, 20);
  const planner = planCmlora(cmloraOf(setup), setup);
  const plan = planner.plan({ index: 0, step: 0, timestep: 999 }, planner.start);
  // In leading order b, c, a: negative then prompt.
  const predictions = [1, 10, 2, 20, 4, 40].map((value) => ({ dims: [1], data: Float32Array.of(value) }));
  const weightOf = (id: string) => plan.summary.weights.find((row) => row.id === id)?.weight ?? Number.NaN;
  const expected = weightOf('b') * 1 + weightOf('c') * 2 + weightOf('a') * 4;
  const { uncond, cond } = planner.combine(plan, predictions);
  expect(uncond?.data[0]).toBeCloseTo(expected, 6);
  expect(cond.data[0]).toBeCloseTo(10 * expected, 5);
});

test('an order in the request is the order of leaders', () => {
  const setup = setupOf(ADAPTERS, 20);
  const composition = cmloraOf(setup, { order: ['c', 'a', 'b'], direction: 'interleaved' });
  const leaders = plansOf(planCmlora(composition, setup), setup).map(({ summary }) => summary.leader);
  expect([...new Set(leaders)]).toEqual(['c', 'a', 'b']);
});
