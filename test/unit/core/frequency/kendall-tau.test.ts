import { expect, test } from 'vitest';
import { kendallTau } from '../../../../src/core/frequency/kendall-tau.ts';

test.each([
  ['the same order', [1, 2, 3, 4], [10, 20, 30, 40], 1],
  ['the reverse', [1, 2, 3, 4], [4, 3, 2, 1], -1],
  ['one pair of six exchanged', [1, 2, 3, 4], [2, 1, 3, 4], 4 / 6],
  ['a tie counts for neither side', [1, 2, 3], [1, 1, 2], 2 / 3],
  ['two things have one pair', [1, 2], [5, 4], -1],
])('%s', (_, one, other, tau) => {
  expect(kendallTau(one, other)).toBeCloseTo(tau, 12);
});

test('one thing alone has no rank', () => {
  expect(kendallTau([3], [4])).toBeNull();
});
