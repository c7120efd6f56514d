import { expect, test } from 'vitest';
import { planMerge } from '../../../../src/core/composition/merge.ts';
import { adaptersOf, plansOf, setupOf } from '../../../support/composition.ts';

const ADAPTERS = adaptersOf('high', 'low');

test('all adapters act in one pass for each guidance half', () => {
  const setup = setupOf(ADAPTERS, 2);
  const [plan] = plansOf(planMerge({ method: 'merge', scale: 1, text_encoder: 'all' }, setup), setup);
  const adapters = [
    { adapter: 'sha-a', weight: 1 },
    { adapter: 'sha-b', weight: 0.99 },
  ];
  const textAdapters = [
    { adapter: 'sha-a', weight: 0.5 },
    { adapter: 'sha-b', weight: 0.51 },
  ];
  expect(plan?.passes).toEqual([
    { adapters, conditioning: { text: 'negative', adapters: textAdapters } },
    { adapters, conditioning: { text: 'prompt', adapters: textAdapters } },
  ]);
  expect(plan?.summary).toEqual({
    evaluation: 0,
    step: 0,
    timestep: 999,
    leader: null,
    weights: [],
    full: ['a', 'b'],
    reuse: [],
  });
});

test('text_encoder none leaves the text to the base model', () => {
  const setup = setupOf(ADAPTERS, 1);
  const [plan] = plansOf(planMerge({ method: 'merge', scale: 1, text_encoder: 'none' }, setup), setup);
  expect(plan?.passes.flatMap(({ conditioning }) => conditioning.adapters)).toEqual([]);
});

test('the passes do not depend on the order of the adapters', () => {
  const passesOf = (adapters: typeof ADAPTERS) => {
    const setup = setupOf(adapters, 1);
    return plansOf(planMerge({ method: 'merge', scale: 1, text_encoder: 'all' }, setup), setup)[0]?.passes;
  };
  expect(passesOf(ADAPTERS.toReversed())).toEqual(passesOf(ADAPTERS));
});

test('an adapter at weight 0 takes no part', () => {
  const setup = setupOf(
    ADAPTERS.map((adapter) => ({ ...adapter, weight: { unet: 0, textEncoder: 0 } })),
    1,
  );
  const [plan] = plansOf(planMerge({ method: 'merge', scale: 1, text_encoder: 'all' }, setup), setup);
  expect(plan?.passes[0]).toEqual({ adapters: [], conditioning: { text: 'negative', adapters: [] } });
});

test('without guidance there is the prompt alone', () => {
  const setup = setupOf(ADAPTERS, 1, { guided: false });
  const planner = planMerge({ method: 'merge', scale: 1, text_encoder: 'all' }, setup);
  const [plan] = plansOf(planner, setup);
  expect(plan?.passes.map(({ conditioning }) => conditioning.text)).toEqual(['prompt']);
  const prediction = { dims: [1], data: Float32Array.of(3) };
  expect(planner.combine(planner.plan({ index: 0, step: 0, timestep: 999 }, null), [prediction])).toEqual({
    uncond: null,
    cond: prediction,
  });
});
