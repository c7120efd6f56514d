import { expect, test } from 'vitest';
import { bootstrap } from '../../../../src/core/evaluation/bootstrap.ts';
import { meanAt } from '../../../../src/core/evaluation/figures.ts';
import { randn } from '../../../../src/core/random/torch-generator.ts';

const COUNT = 400;
const everySet = Array.from({ length: COUNT }, (_, index) => index);
const values = Float64Array.from(randn(5, [COUNT]).data);
const meanOf = (weights: Float64Array) => [meanAt(values, weights, everySet)];

function interval(strata: readonly (readonly number[])[], seed: number) {
  const [figure] = bootstrap(strata, meanOf, { seed });
  if (figure === undefined) throw new Error('one figure in, one out');
  return figure;
}

test('the interval of a mean is that of the central limit theorem', () => {
  const mean = values.reduce((sum, value) => sum + value, 0) / COUNT;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / COUNT);
  const half = (1.96 * deviation) / Math.sqrt(COUNT);
  const figure = interval([everySet], 1);
  expect(figure.mean).toBeCloseTo(mean, 12);
  // An end of 2,000 draws is known to about 4 % of the half width.
  expect(Math.abs(figure.lo - (mean - half))).toBeLessThan(0.15 * half);
  expect(Math.abs(figure.hi - (mean + half))).toBeLessThan(0.15 * half);
});

test('a stratum that does not vary adds nothing to the width, whatever its level', () => {
  const shifted = values.map((value, index) => (index < COUNT / 2 ? 10 : value));
  const statistic = (weights: Float64Array) => [meanAt(shifted, weights, everySet)];
  const halves = [everySet.slice(0, COUNT / 2), everySet.slice(COUNT / 2)];
  const [apart] = bootstrap(halves, statistic, { seed: 1 });
  const [together] = bootstrap([everySet], statistic, { seed: 1 });
  const width = (figure: typeof apart) => (figure?.hi ?? 0) - (figure?.lo ?? 0);
  // Drawn as one heap, the share of either half varies, and with it the mean by the ten that lie between them.
  expect(width(apart)).toBeLessThan(0.3 * width(together));
});

test('the same seed gives the same interval, and another one another', () => {
  expect(interval([everySet], 3)).toEqual(interval([everySet], 3));
  expect(interval([everySet], 4).lo).not.toBe(interval([everySet], 3).lo);
});

test('statistics see the same draws, so a difference of equal ones has no width', () => {
  const [difference] = bootstrap(
    [everySet],
    (weights) => [meanAt(values, weights, everySet) - meanAt(values.slice(), weights, everySet)],
    { seed: 1, replicates: 50 },
  );
  expect(difference).toEqual({ mean: 0, lo: 0, hi: 0 });
});

test('a figure of which nothing is known stays unknown', () => {
  const [unknown] = bootstrap([[0, 1]], () => [Number.NaN], { seed: 1, replicates: 10 });
  expect(unknown).toEqual({ mean: Number.NaN, lo: Number.NaN, hi: Number.NaN });
});

test('a single set of a size says nothing of how sets differ', () => {
  const [figure] = bootstrap([[0, 1, 2], [3]], (weights) => [weights[3] ?? 0], { seed: 1, replicates: 10 });
  expect(figure).toEqual({ mean: 1, lo: Number.NaN, hi: Number.NaN });
});
