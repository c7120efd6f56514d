import { expect, test } from 'vitest';
import { factorsOf, firstNonFinite } from '../../../../src/core/lora/factors.ts';
import { UNET_QUERY } from '../../../support/lora-targets.ts';

test('factors are transposed for the graphs, with the scale in b alone', () => {
  const module = { target: UNET_QUERY, down: 'down', up: 'up', rank: 2, alpha: 1, scale: 0.5 };
  const factors = factorsOf(module, {
    down: Float32Array.of(1, 2, 3, 4, 5, 6), // [rank 2, input 3]
    up: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), // [output 5, rank 2]
  });
  expect(factors).toEqual({
    rank: 2,
    a: Float32Array.of(1, 4, 2, 5, 3, 6),
    b: Float32Array.of(0.5, 1.5, 2.5, 3.5, 4.5, 1, 2, 3, 4, 5),
  });
});

test('the first NaN or infinity is found', () => {
  expect(firstNonFinite(Float32Array.of(1, 0, -2))).toBe(-1);
  expect(firstNonFinite(Float32Array.of(1, Number.NEGATIVE_INFINITY, Number.NaN))).toBe(1);
});
