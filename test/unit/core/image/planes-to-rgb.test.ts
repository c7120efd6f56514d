import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { rgbFromPlanes } from '../../../../src/core/image/planes-to-rgb.ts';
import { randn } from '../../../../src/core/random/torch-generator.ts';

/** Expected bytes are those of diffusers' VaeImageProcessor.postprocess, run by hand on the same planes. */

function redLevels(...reds: number[]): number[] {
  const data = new Float32Array(3 * reds.length);
  data.set(reds);
  const { pixels } = rgbFromPlanes({ data, dims: [1, 3, 1, reds.length] });
  return reds.map((_, index) => pixels[3 * index] ?? Number.NaN);
}

test('-1 is black, 1 is full, and what lies outside is cut off', () => {
  expect(redLevels(-2, -1, 1, 1.5)).toEqual([0, 0, 255, 255]);
});

test('half a level rounds as numpy rounds float32', () => {
  expect(redLevels(0, 1 / 255 - 1, 3 / 255 - 1, 5 / 255 - 1)).toEqual([128, 0, 1, 2]);
});

test('values next to a half fall to the side that float32 arithmetic gives them', () => {
  // In double precision both would be 65.
  expect(redLevels(-0.4941175878047943, -0.4941176176071167)).toEqual([64, 64]);
});

test('planes become pixels, row by row', () => {
  const data = Float32Array.from([-1, 1, 1, -1, 1, 1, -1, -1, -1, -1, -1, 1]);
  expect(rgbFromPlanes({ data, dims: [1, 3, 1, 4] })).toEqual({
    width: 4,
    height: 1,
    pixels: Uint8Array.from([0, 255, 0, 255, 255, 0, 255, 0, 0, 0, 0, 255]),
  });
});

test('a picture of noise has the bytes of diffusers', () => {
  const { pixels } = rgbFromPlanes(randn(5, [1, 3, 64, 64]));
  expect(createHash('sha256').update(pixels).digest('hex')).toBe(
    'b5302fd86f97be54bc9e023b068a38941cfd62a69b773733d957f686dd4f51f5',
  );
});

test('other shapes are refused', () => {
  const data = new Float32Array(6);
  expect(() => rgbFromPlanes({ data, dims: [2, 3, 1, 1] })).toThrow(
    'planes are [2,3,1,1]; must be [1, 3, height, width]',
  );
});
