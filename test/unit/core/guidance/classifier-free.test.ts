import { expect, test } from 'vitest';
import { guide } from '../../../../src/core/guidance/classifier-free.ts';
import type { Tensor } from '../../../../src/core/tensor/tensor.ts';

const row = (...values: number[]): Tensor => ({ data: Float32Array.from(values), dims: [1, values.length] });

test('guidance goes on from the unconditional through the conditional prediction', () => {
  expect(guide({ uncond: row(1, -1), cond: row(2, -1) }, { scale: 7.5, rescale: 0 })).toEqual(row(8.5, -1));
});

test('scale 1 is the conditional prediction and scale 0 the unconditional one', () => {
  const predictions = { uncond: row(1, 5), cond: row(2, 3) };
  expect(guide(predictions, { scale: 1, rescale: 0 })).toEqual(predictions.cond);
  expect(guide(predictions, { scale: 0, rescale: 0 })).toEqual(predictions.uncond);
});

test('without an unconditional prediction neither number matters', () => {
  const cond = row(2, 3);
  expect(guide({ uncond: null, cond }, { scale: 7.5, rescale: 1 })).toBe(cond);
});
