import { expect, test } from 'vitest';
import { roundHalfToEven } from '../../../src/core/round-half-to-even.ts';

test.each([
  [0.5, 0],
  [1.5, 2],
  [2.5, 2],
  [-0.5, 0],
  [-1.5, -2],
  [-2.5, -2],
  [2.4999999, 2],
  [2.5000001, 3],
  [7, 7],
])('%f becomes %i', (value, expected) => {
  expect(roundHalfToEven(value)).toBeCloseTo(expected, 15);
});
