import { assert } from '../assert.ts';

/** Means and quantiles, as numpy has them. */

/** The mean of values that count `weights` times each; NaN where nothing counts. */
export function weightedMean(values: ArrayLike<number>, weights: ArrayLike<number>): number {
  assert(values.length === weights.length, `${values.length} values, ${weights.length} weights`);
  let sum = 0;
  let total = 0;
  for (let index = 0; index < values.length; index++) {
    const weight = weights[index] ?? 0;
    // What does not count may be unknown (NaN), and must not make the rest so.
    if (weight === 0) continue;
    sum += weight * (values[index] ?? 0);
    total += weight;
  }
  return sum / total;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function median(values: readonly number[]): number {
  return quantile(Float64Array.from(values).sort(), 0.5);
}

/** Of values that are sorted: linear between the two nearest, as `numpy.quantile`. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  assert(sorted.length > 0, 'a quantile is of at least one value');
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below] ?? 0;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] ?? 0;
  return low + (high - low) * (at - below);
}
