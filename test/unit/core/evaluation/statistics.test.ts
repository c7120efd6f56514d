import { expect, test } from 'vitest';
import { median, quantile } from '../../../../src/core/evaluation/statistics.ts';

test('quantiles are those of numpy', () => {
  // numpy.quantile([1, 2, 4, 8, 16], [0, 0.025, 0.3, 0.5, 0.975, 1])
  const sorted = [1, 2, 4, 8, 16];
  const shares = [0, 0.025, 0.3, 0.5, 0.975, 1];
  expect(shares.map((share) => quantile(sorted, share))).toEqual([1, 1.1, 2.4, 4, expect.closeTo(15.2, 12), 16]);
});

test('a median is the middle, or between the two middle ones', () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([9, 1, 5, 2])).toBe(3.5);
});
