import { describe, expect, test } from 'vitest';
import { planCmlora } from '../../../../src/core/composition/cmlora.ts';
import { adaptersOf, cmloraOf, plansOf, setupOf } from '../../../support/composition.ts';

const ADAPTERS = adaptersOf('low', 'high', 'high');

test('every adapter predicts alone, in an order that hangs on no request, with its own text on both guidance halves', () => {
  const setup = setupOf(ADAPTERS, 20);
  const [plan] = plansOf(planCmlora(cmloraOf(setup), setup), setup);
  expect(plan?.passes.map(({ adapters, conditioning }) => [adapters, conditioning])).toEqual(
    ['a', 'b', 'c'].flatMap((id) => {
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
  const composition = cmloraOf(setup, { refresh: { warm_up: 2 }, cut: { level: 0, layers: 3 } });
  const plans = plansOf(planCmlora(composition, setup), setup);
  const keys = plans[0]?.passes.map(({ cache }) => cache?.key);
  expect(new Set(keys).size).toBe(6);
  expect(plans[0]?.passes.every(({ cache }) => cache?.mode === 'refresh')).toBe(true);
  // After the warm-up, one adapter at a time.
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
  const planner = planCmlora(cmloraOf(setup, { weights: { initial: 3 } }), setup);
  const plan = planner.plan({ index: 0, step: 0, timestep: 999 }, planner.start);
  // a, b, c: negative then prompt.
  const predictions = [1, 10, 2, 20, 4, 40].map((value) => ({ dims: [1], data: Float32Array.of(value) }));
  const weightOf = (id: string) => plan.summary.weights.find((row) => row.id === id)?.weight ?? Number.NaN;
  const expected = weightOf('a') * 1 + weightOf('b') * 2 + weightOf('c') * 4;
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

test('a forecast changes what passes start from, and not which passes run', () => {
  const setup = setupOf(ADAPTERS, 20);
  const byFeature = plansOf(planCmlora(cmloraOf(setup), setup), setup);
  const plans = plansOf(planCmlora(cmloraOf(setup, { cache: 'forecast' }), setup), setup);
  expect(plans.map(({ summary }) => summary)).toEqual(byFeature.map(({ summary }) => summary));

  const fullAt: Record<string, number[]> = {};
  for (const [evaluation, { passes }] of plans.entries()) {
    for (const { cache } of passes) {
      if (cache === undefined) throw new Error('every pass has a cache');
      const seen = fullAt[cache.key] ?? [];
      fullAt[cache.key] = cache.mode === 'refresh' ? [...seen, evaluation] : seen;
      const [before = 0, last = 0] = seen.slice(-2);
      const expected = cache.mode === 'refresh' || seen.length < 2 ? 0 : (0.5 * (evaluation - last)) / (last - before);
      expect(cache.trend).toBe(expected);
    }
  }
  expect(byFeature.flatMap(({ passes }) => passes).every(({ cache }) => cache?.trend === undefined)).toBe(true);
});

describe('cache delta', () => {
  const setup = setupOf(ADAPTERS, 20);
  const plans = plansOf(planCmlora(cmloraOf(setup, { cache: 'delta', cut: { level: 0, layers: 3 } }), setup), setup);

  test('runs the plain model on both guidance halves at every evaluation, for its feature', () => {
    for (const { passes } of plans) {
      expect(passes.slice(0, 2)).toEqual(
        ['negative', 'prompt'].map((text) => ({
          adapters: [],
          conditioning: { text, adapters: [] },
          cache: { mode: 'refresh', cut: { level: 0, layers: 3 }, key: `base/${text}` },
        })),
      );
      expect(passes).toHaveLength(8);
    }
  });

  test('keeps differences from the feature of the same guidance half, and reuses who the feature cache would', () => {
    const byFeature = plansOf(planCmlora(cmloraOf(setup), setup), setup);
    for (const [index, { passes, summary }] of plans.entries()) {
      expect(summary).toEqual(byFeature[index]?.summary);
      expect(passes.slice(2).map(({ cache }) => cache?.relativeTo)).toEqual(
        passes.slice(2).map(({ conditioning }) => `base/${conditioning.text}`),
      );
    }
  });

  test('folds the predictions of the adapters alone', () => {
    const planner = planCmlora(cmloraOf(setup, { cache: 'delta' }), setup);
    const plan = planner.plan({ index: 0, step: 0, timestep: 999 }, planner.start);
    const { uncond, cond } = planner.combine(plan, constants([100, 200, 1, 2, 1, 2, 1, 2]));
    expect(uncond?.data[0]).toBeCloseTo(1, 6);
    expect(cond.data[0]).toBeCloseTo(2, 6);
  });

  test.each([
    ['refresh all', ADAPTERS, { refresh: { policy: 'all' } }],
    ['one adapter', ADAPTERS.slice(0, 1), {}],
  ] as const)('runs no pass of the plain model where nothing is kept: %s', (_, adapters, options) => {
    const alone = setupOf(adapters, 20);
    const passesWith = (cache: 'feature' | 'delta') =>
      plansOf(planCmlora(cmloraOf(alone, { ...options, cache }), alone), alone).map(({ passes }) => passes);
    expect(passesWith('delta')).toEqual(passesWith('feature'));
  });
});

describe('uncond base', () => {
  const setup = setupOf(ADAPTERS, 20);

  test('runs N + 1 rows: the plain model on the negative prompt and the adapters on the prompt', () => {
    const plans = plansOf(planCmlora(cmloraOf(setup, { uncond: 'base' }), setup), setup);
    for (const { passes } of plans) {
      expect(passes[0]).toEqual({ adapters: [], conditioning: { text: 'negative', adapters: [] } });
      expect(passes.slice(1).map(({ conditioning }) => conditioning.text)).toEqual(['prompt', 'prompt', 'prompt']);
    }
  });

  test("guides from the plain model's prediction as it is", () => {
    const planner = planCmlora(cmloraOf(setup, { uncond: 'base' }), setup);
    const plan = planner.plan({ index: 0, step: 0, timestep: 999 }, planner.start);
    const { uncond, cond } = planner.combine(plan, constants([100, 2, 2, 2]));
    expect(uncond?.data[0]).toBe(100);
    expect(cond.data[0]).toBeCloseTo(2, 6);
  });

  test('with cache delta runs N + 2 rows, and nothing is kept of the negative half', () => {
    const planner = planCmlora(cmloraOf(setup, { uncond: 'base', cache: 'delta' }), setup);
    const plan = planner.plan({ index: 0, step: 0, timestep: 999 }, planner.start);
    expect(planner.combine(plan, constants([100, 50, 2, 2, 2])).uncond?.data[0]).toBe(100);
    expect(plan.passes.map(({ cache }) => cache?.key)).toEqual([
      undefined,
      'base/prompt',
      ...['sha-a/prompt', 'sha-b/prompt', 'sha-c/prompt'],
    ]);
  });

  test('changes nothing without guidance', () => {
    const unguided = { ...setup, guided: false };
    const passesWith = (uncond: 'base' | 'per_lora') =>
      plansOf(planCmlora(cmloraOf(unguided, { uncond }), unguided), unguided).map(({ passes }) => passes);
    expect(passesWith('base')).toEqual(passesWith('per_lora'));
    expect(passesWith('base').every((passes) => passes.length === ADAPTERS.length)).toBe(true);
  });
});

function constants(values: readonly number[]) {
  return values.map((value) => ({ dims: [1], data: Float32Array.of(value) }));
}
