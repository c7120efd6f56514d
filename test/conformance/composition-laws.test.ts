import { expect, test } from 'vitest';
import { planComposition } from '../../src/core/composition/index.ts';
import type { CompositionSetup, Predictions, UnetPass } from '../../src/core/composition/method.ts';
import type { RequestedComposition } from '../../src/core/composition/options.ts';
import { resolveComposition } from '../../src/core/composition/resolve-composition.ts';
import type { Tensor } from '../../src/core/tensor/tensor.ts';
import { adaptersOf, plansOf, setupOf, UNET } from '../support/composition.ts';

/** What the methods are to each other (cmlora.md, B.7, "Invariants to test"), by passes and folds alone. */

const NO_CACHE = { cut: 'none', refresh: { policy: 'all' } } as const;

/** Folded predictions of every evaluation, from a model whose output hangs on everything that a pass says. */
function run(requested: RequestedComposition, setup: CompositionSetup): readonly Predictions[] {
  const context = {
    loraIds: setup.adapters.map(({ id }) => id),
    evaluationCount: setup.evaluations.length,
    unet: UNET,
  };
  const planner = planComposition(resolveComposition(requested, context), setup);
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
  return { dims: [64], data: Float32Array.from(values) };
}

const FOUR = setupOf(adaptersOf('high', 'low', 'high', 'low'), 20);

test('composite is cmlora with a coefficient of 1 and no cache, bit for bit', () => {
  const equalVotes = { method: 'cmlora', weights: { initial: 1 }, ...NO_CACHE } as const;
  expect(run({ method: 'composite' }, FOUR)).toEqual(run(equalVotes, FOUR));
});

test('composite does not depend on the order of adapters', () => {
  const reversed = { ...FOUR, adapters: FOUR.adapters.toReversed() };
  expect(run({ method: 'composite' }, reversed)).toEqual(run({ method: 'composite' }, FOUR));
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

test.each([
  { method: 'switch', tau: 3 },
  { method: 'composite' },
  { method: 'cmlora' },
  { method: 'cmlora', preset: 'fast' },
  { method: 'cmlora', cache: 'delta' },
] as const)('one adapter by %j is the plain LoRA, bit for bit', (requested) => {
  const setup = setupOf(adaptersOf('low'), 20);
  expect(run(requested, setup)).toEqual(run({ method: 'merge' }, setup));
});

function deviation(actual: readonly Predictions[], expected: readonly Predictions[]): number {
  const values = (predictions: readonly Predictions[]) =>
    predictions.flatMap(({ uncond, cond }) => [...(uncond?.data ?? []), ...cond.data]);
  const expectedValues = values(expected);
  return Math.max(...values(actual).map((value, index) => Math.abs(value - (expectedValues[index] ?? Number.NaN))));
}
