import { expect, test } from 'vitest';
import { shuffled } from '../../../../src/core/evaluation/shuffled.ts';

test('a seed decides the order, and nothing is lost', () => {
  const values = Array.from({ length: 50 }, (_, index) => index);
  const once = shuffled(values, 7);
  expect(shuffled(values, 7)).toEqual(once);
  expect(shuffled(values, 8)).not.toEqual(once);
  expect([...once].sort((a, b) => a - b)).toEqual(values);
});

test('every order of three is about as frequent as every other', () => {
  const counts = new Map<string, number>();
  for (let seed = 0; seed < 6000; seed++) {
    const order = shuffled(['a', 'b', 'c'], seed).join('');
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  // 1000 each, with a deviation of 29: five of them.
  expect(counts.size).toBe(6);
  for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(145);
});
