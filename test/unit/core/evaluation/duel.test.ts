import { expect, test } from 'vitest';
import { duel } from '../../../../src/core/evaluation/duel.ts';

const picture = (found: number | null, clipScore: number | null) => ({
  clipScore,
  concepts: found === null ? null : { found, wanted: 4, strangers: 0, leakage: null, binding: null },
});

test('more concepts win, whatever the scores are', () => {
  expect(duel(picture(3, 10), picture(2, 90), 1)).toBe(1);
  expect(duel(picture(2, 90), picture(3, 10), 1)).toBe(-1);
});

test('with as many concepts the higher score wins, unless it is within the tie', () => {
  expect(duel(picture(2, 31.1), picture(2, 30), 1)).toBe(1);
  expect(duel(picture(2, 31), picture(2, 30), 1)).toBe(0);
  expect(duel(picture(2, 29), picture(2, 30.5), 1)).toBe(-1);
});

test('a judge that is not there has no say', () => {
  expect(duel(picture(null, 31), picture(null, 30), 0)).toBe(1);
  expect(duel(picture(2, null), picture(2, null), 0)).toBe(0);
  expect(duel(picture(null, null), picture(null, null), 0)).toBeNaN();
});
