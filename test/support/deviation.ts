import type { Tensor } from '../../src/core/tensor/tensor.ts';

/** How far two tensors are apart: the largest difference of any two of their values. Shapes must agree. */
export function largestDifference(actual: Tensor, expected: Tensor): number {
  if (actual.dims.join() !== expected.dims.join()) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (const [index, value] of expected.data.entries()) {
    const difference = Math.abs((actual.data[index] ?? Number.NaN) - value);
    // NaN compares as false; it must not pass for a small difference.
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return largest;
}

/** The same in units of the expected values' standard deviation, for outputs whose scale means nothing. */
export function relativeDifference(actual: Tensor, expected: Tensor): number {
  return largestDifference(actual, expected) / standardDeviation(expected.data);
}

export function standardDeviation(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
