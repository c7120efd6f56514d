import { fft2d, type Plane } from './fft2d.ts';
import { radiusBins } from './radius-bins.ts';

/**
 * A plane's spectrum by distance from frequency 0: the mean amplitude of each bin of one radius, cmlora.md A.2, steps 1 to 3, and
 * the summed energy of each. One number a bin, from 0 to Rmax.
 */

/** Which amplitude is averaged: |F|, or ln(|F| + 1e-8), as the authors' code has it in different places. */
export type Amplitude = 'raw' | 'log';

/** Keeps the logarithm finite where a coefficient is 0 (the authors' code). */
const LOG_OFFSET = 1e-8;

export function radialProfile(plane: Plane, amplitude: Amplitude): Float64Array {
  const { re, im } = fft2d(plane);
  const { radii, largest } = radiusBins(plane);
  const sums = new Float64Array(largest + 1);
  const counts = new Float64Array(largest + 1);
  for (let index = 0; index < radii.length; index++) {
    const radius = radii[index] ?? 0;
    const size = Math.hypot(re[index] ?? 0, im[index] ?? 0);
    sums[radius] = (sums[radius] ?? 0) + (amplitude === 'raw' ? size : Math.log(size + LOG_OFFSET));
    counts[radius] = (counts[radius] ?? 0) + 1;
  }
  return sums.map((sum, radius) => sum / (counts[radius] ?? 1));
}

/** Sum of |F|^2 over each bin. Bin 0 is frequency 0 alone, so dropping it removes the mean. */
export function radialEnergy(plane: Plane): Float64Array {
  const { re, im } = fft2d(plane);
  const { radii, largest } = radiusBins(plane);
  const sums = new Float64Array(largest + 1);
  for (let index = 0; index < radii.length; index++) {
    const radius = radii[index] ?? 0;
    sums[radius] = (sums[radius] ?? 0) + (re[index] ?? 0) ** 2 + (im[index] ?? 0) ** 2;
  }
  return sums;
}
