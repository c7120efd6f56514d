import { expect, test } from 'vitest';
import { planComposition } from '../../src/core/composition/index.ts';
import type { CompositionSetup, Predictions, UnetPass } from '../../src/core/composition/method.ts';
import type { RequestedComposition } from '../../src/core/composition/options.ts';
import type { Tensor } from '../../src/core/tensor/tensor.ts';
import { adaptersOf, compositionOf, plansOf, setupOf } from '../support/composition.ts';

/** What the methods are to each other (cmlora.md, B.7, "Invariants to test"), by passes and folds alone. */

const NO_CACHE = { cut: 'none', refresh: { policy: 'all' }, uncond: 'per_lora' } as const;

/** Folded predictions of every evaluation, from a model whose output hangs on everything that a pass says. */
function run(requested: RequestedComposition, setup: CompositionSetup): readonly Predictions[] {
  const planner = planComposition(compositionOf(requested, setup), setup);
  return plansOf(planner, setup).map((plan) =>
    planner.combine(
      plan,
      plan.passes.map((pass) => predictionOf(pass, plan.summary.timestep)),
    ),
  );
}

function predictionOf({ adapters, conditioning }: UnetPass, timestep: number): Tensor {
  const seed = JSON.stringify([adapters, conditioning, timestep]);
  const values = Array.from({ length: 64 }, (_, index) =>
    [...seed].reduce((hash, letter) => Math.fround(Math.sin(hash * 31 + letter.charCodeAt(0))), index),
  );
  return { dims: [1, 1, 8, 8], data: Float32Array.from(values) };
}

const FOUR = setupOf(adaptersOf('high', 'low', 'high', 'low'), 20);

test('composite is cmlora with a coefficient of 1 and no cache, bit for bit', () => {
  const equalVotes = { method: 'cmlora', weights: { initial: 1 }, ...NO_CACHE } as const;
  expect(run({ method: 'composite' }, FOUR)).toEqual(run(equalVotes, FOUR));
});

test.each([1, 2, 3])('cmlora with a boundless coefficient, one set and no cache is switch with turns of %d', (tau) => {
  const setup = setupOf(adaptersOf('high', 'high', 'high'), 20);
  const leaderAlone = {
    method: 'cmlora',
    weights: { initial: 1e9 },
    turn: { near: tau, middle: tau },
    ...NO_CACHE,
  } as const;
  expect(deviation(run(leaderAlone, setup), run({ method: 'switch', tau }, setup))).toBeLessThan(1e-8);
  expect(deviation(run(leaderAlone, setup), run({ method: 'switch', tau: tau + 1 }, setup))).toBeGreaterThan(0.1);
});

/** The methods of which it is demanded, and the others of which it happens to hold. */
const PLAIN_ALONE: readonly RequestedComposition[] = [
  { method: 'lorahub' },
  { method: 'switch', tau: 3 },
  { method: 'switch-a', tau: 2 },
  { method: 'w-switch' },
  { method: 'composite' },
  { method: 'w-composite' },
  { method: 'delta-composite' },
  { method: 'cmlora' },
  { method: 'cmlora', preset: 'fast' },
  { method: 'cmlora', preset: 'reference' },
  { method: 'cmlora', cache: 'delta' },
  { method: 'cmlora', cache: 'forecast' },
];

test.each(PLAIN_ALONE)('one adapter by %j is the plain LoRA, bit for bit and pass for pass', (requested) => {
  const setup = setupOf(adaptersOf('low'), 20);
  expect(run(requested, setup)).toEqual(run({ method: 'merge' }, setup));
  const passesBy = (by: RequestedComposition) =>
    plansOf(planComposition(compositionOf(by, setup), setup), setup).map(({ passes }) => passes);
  expect(passesBy(requested)).toEqual(passesBy({ method: 'merge' }));
});

test('one adapter by loratorio-like is the plain LoRA, led away from the plain model', () => {
  const setup = setupOf(adaptersOf('low'), 20);
  const [plain, none] = [run({ method: 'merge' }, setup), run({ method: 'merge' }, setupOf([], 20))];
  const expected = plain.map(({ cond }, index) => ({ cond, uncond: none[index]?.uncond }));
  expect(run({ method: 'loratorio-like' }, setup)).toEqual(expected);
});

test.each([
  { method: 'merge' },
  { method: 'lorahub' },
  { method: 'composite' },
  { method: 'w-composite' },
  { method: 'delta-composite' },
  { method: 'loratorio-like' },
] as const)('$method does not depend on the order of adapters', (requested) => {
  const reversed = { ...FOUR, adapters: FOUR.adapters.toReversed() };
  expect(run(requested, reversed)).toEqual(run(requested, FOUR));
});

test('lorahub at one weight for all is merge at that scale', () => {
  const weights = FOUR.adapters.map(({ id }) => ({ id, weight: 0.7 }));
  expect(run({ method: 'lorahub', weights }, FOUR)).toEqual(run({ method: 'merge', scale: 0.7 }, FOUR));
});

test('lorahub at weight 0 is as without the adapter', () => {
  const weights = FOUR.adapters.map(({ id }, index) => ({ id, weight: index === 1 ? 0 : 1 }));
  const without = { ...FOUR, adapters: FOUR.adapters.filter((_, index) => index !== 1) };
  expect(run({ method: 'lorahub', weights }, FOUR)).toEqual(run({ method: 'merge' }, without));
});

test('switch-a with one set is switch', () => {
  const setup = setupOf(adaptersOf('low', 'low', 'low'), 20);
  expect(run({ method: 'switch-a', tau: 3 }, setup)).toEqual(run({ method: 'switch', tau: 3 }, setup));
});

test('w-switch with equal weights and no closing is switch', () => {
  const weights = FOUR.adapters.map(({ id }) => ({ id, weight: 3 }));
  const equal = { method: 'w-switch', weights, tau: 2, closing: { evaluations: 0 } } as const;
  expect(run(equal, FOUR)).toEqual(run({ method: 'switch', tau: 2 }, FOUR));
});

test('w-composite with equal weights is composite', () => {
  const weights = FOUR.adapters.map(({ id }) => ({ id, weight: 3 }));
  expect(run({ method: 'w-composite', weights }, FOUR)).toEqual(run({ method: 'composite' }, FOUR));
});

test('delta-composite at a scale of 1 / N is composite, and at 0 the plain model', () => {
  expect(run({ method: 'delta-composite', scale: 0.25 }, FOUR)).toEqual(run({ method: 'composite' }, FOUR));
  expect(run({ method: 'delta-composite', scale: 0 }, FOUR)).toEqual(
    run({ method: 'merge' }, { ...FOUR, adapters: [] }),
  );
});

test('loratorio-like at a boundless temperature is composite, led away from the plain model', () => {
  const none = run({ method: 'merge' }, { ...FOUR, adapters: [] });
  const expected = run({ method: 'composite' }, FOUR).map(({ cond }, index) => {
    const uncond = none[index]?.uncond ?? null;
    return { cond, uncond };
  });
  expect(deviation(run({ method: 'loratorio-like', temperature: 1e9 }, FOUR), expected)).toBeLessThan(1e-6);
});

function deviation(actual: readonly Predictions[], expected: readonly Predictions[]): number {
  const values = (predictions: readonly Predictions[]) =>
    predictions.flatMap(({ uncond, cond }) => [...(uncond?.data ?? []), ...cond.data]);
  const expectedValues = values(expected);
  return Math.max(...values(actual).map((value, index) => Math.abs(value - (expectedValues[index] ?? Number.NaN))));
}
