import { expect, test } from 'vitest';
import { kernelDistance } from '../../../../src/core/evaluation/kid.ts';
import { randn } from '../../../../src/core/random/torch-generator.ts';

function units(seed: number, count: number, shift = 0): Float32Array[] {
  const { data } = randn(seed, [count, 8]);
  return Array.from({ length: count }, (_, row) => {
    const vector = data.slice(8 * row, 8 * row + 8);
    vector[0] = (vector[0] ?? 0) + shift;
    const length = Math.hypot(...vector);
    return vector.map((value) => value / length);
  });
}

test('is what the definition gives by hand', () => {
  const [x, y] = [Float32Array.from([1, 0]), Float32Array.from([0, 1])];
  // Within a: (0 + 1)^3; within b: (1 + 1)^3; between: half (1 + 1)^3, half 1.
  expect(kernelDistance([x, y], [x, x])).toBeCloseTo(1 + 8 - 2 * (8 * 0.5 + 0.5), 12);
});

test('is unbiased: about 0 and of either sign for clouds of one kind, and grows with their distance', () => {
  const alike = Array.from({ length: 40 }, (_, seed) => kernelDistance(units(2 * seed, 30), units(2 * seed + 1, 30)));
  const mean = alike.reduce((sum, value) => sum + value, 0) / alike.length;
  const deviation = Math.sqrt(alike.reduce((sum, value) => sum + (value - mean) ** 2, 0) / alike.length);
  expect(Math.abs(mean)).toBeLessThan((3 * deviation) / Math.sqrt(alike.length));
  expect(Math.min(...alike)).toBeLessThan(0);
  const shifted = [0.5, 1, 2].map((shift) => kernelDistance(units(1, 200), units(2, 200, shift)));
  expect(shifted).toEqual([...shifted].sort((a, b) => a - b));
  expect(shifted[0]).toBeGreaterThan(3 * deviation * Math.sqrt(30 / 200));
});

test('does not depend on which cloud is which', () => {
  const [a, b] = [units(1, 10), units(2, 12, 1)];
  expect(kernelDistance(a, b)).toBeCloseTo(kernelDistance(b, a), 12);
});
