import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planesFromRgb } from '../../../../src/core/image/planes-from-rgb.ts';
import { rgbFromPlanes } from '../../../../src/core/image/planes-to-rgb.ts';

test('each channel has its own mean and deviation, and a plane of its own', () => {
  const picture = { width: 2, height: 1, pixels: Uint8Array.from([255, 0, 51, 0, 255, 102]) };
  const { data, dims } = planesFromRgb(picture, { mean: [0, 0.5, 0], deviation: [1, 0.5, 0.1] });
  expect(dims).toEqual([1, 3, 1, 2]);
  expect([...data]).toEqual([1, 0, -1, 1, 2, 4].map(Math.fround));
});

test('at mean and deviation one half it is always the inverse of making pixels', () => {
  const half = { mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] };
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 12, maxLength: 12 }), (pixels) => {
      expect(rgbFromPlanes(planesFromRgb({ width: 2, height: 2, pixels }, half)).pixels).toEqual(pixels);
    }),
  );
});
