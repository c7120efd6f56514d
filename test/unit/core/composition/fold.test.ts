import { expect, test } from 'vitest';
import { fold } from '../../../../src/core/composition/fold.ts';

test('predictions are summed by weight and rounded once', () => {
  const one = { dims: [2], data: Float32Array.of(1, 1) };
  const other = { dims: [2], data: Float32Array.of(1e-8, -3) };
  expect(fold([0.5, 0.5], [one, other])).toEqual({
    dims: [2],
    data: Float32Array.of(0.5 * 1 + 0.5 * Math.fround(1e-8), -1),
  });
});

test('a single prediction of weight 1 comes back bit for bit', () => {
  const prediction = { dims: [1, 3], data: Float32Array.of(0.1, -0.2, 1e-40) };
  expect(fold([1], [prediction])).toEqual(prediction);
});

test('predictions of unequal shapes are a mistake of the caller', () => {
  const small = { dims: [1], data: new Float32Array(1) };
  const large = { dims: [2], data: new Float32Array(2) };
  expect(() => fold([0.5, 0.5], [small, large])).toThrow('of shapes [1] and [2]');
  expect(() => fold([1], [small, small])).toThrow('one weight');
});
