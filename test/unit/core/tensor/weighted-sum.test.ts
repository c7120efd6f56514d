import { expect, test } from 'vitest';
import type { Tensor } from '../../../../src/core/tensor/tensor.ts';
import { weightedSum } from '../../../../src/core/tensor/weighted-sum.ts';

const row = (...values: number[]): Tensor => ({ data: Float32Array.from(values), dims: [1, values.length] });

test('terms are weighed and added, element by element', () => {
  expect(weightedSum([2, row(1, 2)], [-1, row(10, 20)], [0.5, row(4, 8)])).toEqual(row(-6, -12));
});

test('one term is scaled into a new tensor', () => {
  const term = row(1, 2);
  const sum = weightedSum([1, term]);
  expect(sum).toEqual(term);
  expect(sum.data).not.toBe(term.data);
});

test('what cancels loses nothing on the way', () => {
  expect(weightedSum([1, row(1e8)], [1, row(1)], [-1, row(1e8)])).toEqual(row(1));
});

test('tensors of two shapes are refused', () => {
  expect(() => weightedSum([1, row(1, 2)], [1, row(1)])).toThrow('a weighted sum of shapes [1,2] and [1,1]');
});
