import { expect, test } from 'vitest';
import { fft2d } from '../../../../src/core/frequency/fft2d.ts';

test('a wave that runs down the plane lies in the first column, and one that runs across in the first row', () => {
  const [height, width] = [6, 10];
  const plane = (value: (row: number, column: number) => number) => ({
    height,
    width,
    values: Array.from({ length: height * width }, (_, index) => value(Math.floor(index / width), index % width)),
  });
  const peaks = (values: Float64Array) =>
    [...values].flatMap((value, index) => (Math.abs(value) > 1e-9 ? [index] : []));

  expect(peaks(fft2d(plane((row) => Math.cos((2 * Math.PI * row) / height))).re)).toEqual([width, 5 * width]);
  expect(peaks(fft2d(plane((_, column) => Math.cos((2 * Math.PI * 3 * column) / width))).re)).toEqual([3, 7]);
});

test('values that are no plane of the size are refused', () => {
  expect(() => fft2d({ height: 2, width: 3, values: [1, 2, 3] })).toThrow('3 values are no plane of 2x3');
});
