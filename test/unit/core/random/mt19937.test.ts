import { expect, test } from 'vitest';
import { mt19937 } from '../../../../src/core/random/mt19937.ts';

test('the 10000th word of the default seed is the one that the C++ standard requires', () => {
  const nextWord = mt19937(5489); // ISO C++, [rand.predef]: mt19937
  for (let skipped = 0; skipped < 9999; skipped++) nextWord();
  expect(nextWord()).toBe(4123659995);
});

test('only the low 32 bits of a seed count', () => {
  expect(mt19937(2 ** 32 + 7)()).toBe(mt19937(7)());
  expect(mt19937(Number.MAX_SAFE_INTEGER)()).toBe(mt19937(2 ** 32 - 1)());
});

test('two generators of one seed do not disturb each other', () => {
  const first = mt19937(1);
  const second = mt19937(1);
  first();
  expect([first(), first()]).toEqual([second(), second(), second()].slice(1));
});
