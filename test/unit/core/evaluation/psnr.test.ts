import { expect, test } from 'vitest';
import { psnr } from '../../../../src/core/evaluation/psnr.ts';

test('a difference of one step everywhere is 48.13 dB, and none is infinite', () => {
  const picture = Uint8Array.from([0, 10, 254]);
  expect(
    psnr(
      picture,
      picture.map((value) => value + 1),
    ),
  ).toBeCloseTo(20 * Math.log10(255), 12);
  expect(psnr(picture, picture)).toBe(Number.POSITIVE_INFINITY);
});

test('black against white is 0 dB', () => {
  expect(psnr(new Uint8Array(4), new Uint8Array(4).fill(255))).toBe(0);
});
