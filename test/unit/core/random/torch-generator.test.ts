import { expect, test } from 'vitest';
import { randn } from '../../../../src/core/random/torch-generator.ts';

/** Examples and laws; the bits are compared with torch's in test/golden/noise.test.ts. */

test('a tensor of fewer than 16 values is what torch prints for seed 0', () => {
  const [first, second, third] = randn(0, [3]).data;
  expect([first, second, third].map((value) => value?.toFixed(4))).toEqual(['1.5410', '-0.2934', '-2.1788']);
});

test('shape changes nothing but the dims', () => {
  expect(randn(7, [2, 3, 4])).toEqual({ ...randn(7, [24]), dims: [2, 3, 4] });
});

test('values past the last whole group are drawn with the fifteen before them', () => {
  const whole = randn(3, [32]).data;
  const longer = randn(3, [33]).data;
  expect(longer.slice(0, 17)).toEqual(whole.slice(0, 17));
  expect(longer.slice(17, 32)).not.toEqual(whole.slice(17));
});

test('mean, deviation and kurtosis are those of the normal distribution', () => {
  const { data } = randn(1, [1_000_000]);
  const moment = (power: number) => data.reduce((sum, value) => sum + value ** power, 0) / data.length;
  expect(moment(1)).toBeCloseTo(0, 2);
  expect(moment(2)).toBeCloseTo(1, 2);
  expect(moment(4)).toBeCloseTo(3, 1);
});

test('an empty shape is one value, and a side of 0 none', () => {
  expect(randn(0, []).data).toHaveLength(1);
  expect(randn(0, [4, 0]).data).toHaveLength(0);
});

test.each([-1, 0.5, 2 ** 53, Number.NaN])('seed %d is refused', (seed) => {
  expect(() => randn(seed, [16])).toThrow(`seed is ${seed}; must be an integer from 0 to 2^53 - 1`);
});
