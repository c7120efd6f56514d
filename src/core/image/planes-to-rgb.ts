import { assert } from '../assert.ts';
import { roundHalfToEven } from '../round-half-to-even.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** 8-bit RGB, row-major: 3 * width * height bytes. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/**
 * A decoder's planes [1, 3, height, width], -1 (black) to 1 (full), as pixels. Values outside are cut off, and rounding is numpy's, so
 * that the bytes are those of diffusers' `VaeImageProcessor`.
 */
export function rgbFromPlanes(planes: Tensor): RgbImage {
  const [batch, channels, height, width] = planes.dims;
  assert(
    batch === 1 && channels === 3 && height !== undefined && width !== undefined && planes.dims.length === 4,
    `planes are [${planes.dims}]; must be [1, 3, height, width]`,
  );
  return { width, height, pixels: interleaved(planes.data, width * height) };
}

function interleaved(planes: Float32Array, pixelCount: number): Uint8Array {
  const pixels = new Uint8Array(3 * pixelCount);
  for (let pixel = 0; pixel < pixelCount; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      pixels[3 * pixel + channel] = level(planes[channel * pixelCount + pixel] ?? 0);
    }
  }
  return pixels;
}

/** Rounded to float32 at each operation, as torch and numpy do it, or a value next to a half would fall to the other side. */
function level(value: number): number {
  const { fround } = Math;
  const share = Math.min(Math.max(fround(value * 0.5 + 0.5), 0), 1);
  return roundHalfToEven(fround(share * 255));
}
