import { assert } from '../assert.ts';
import type { RgbImage } from '../image/planes-to-rgb.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Plane } from './fft2d.ts';
import { type Amplitude, radialProfile } from './radial-profile.ts';

/**
 * The high band of a spectrum: the radii from a fifth of the largest one on. A fraction and never an index, because the index 80 of
 * the authors' online mode lies outside of a 64x64 latent (cmlora.md A.2 and G.1); their pictures' index, 72 of 362, is this fifth.
 */

export const HIGH_BAND_FROM = 0.2;

/** The first radius of the high band, r0 = ceil(alpha Rmax): 9 for 64x64, 73 for 512x512. */
export function highBandRadius(largestRadius: number): number {
  // The products of 0.2 with whole numbers that should be whole are whole in float64, or not larger; the test tries them all.
  return Math.ceil(HIGH_BAND_FROM * largestRadius);
}

/**
 * The paper's statistic m (cmlora.md A.2, steps 4 and 5): the mean over the high band's bins of the radial profile, which is first
 * divided by its largest value. That is mostly frequency 0, a single coefficient, so m is noisy for a latent that is nearly noise.
 * The two amplitudes have different scales and must not be mixed: white noise gives about 0.7 (raw) and 0.9 (log).
 */
export function highBandStatistic(plane: Plane, amplitude: Amplitude): number {
  const profile = radialProfile(plane, amplitude);
  return bandFrom(profile, highBandRadius(profile.length - 1));
}

/** NaN where the profile has no bin from that radius on. */
function bandFrom(profile: Float64Array, radius: number): number {
  const largest = profile.reduce((max, value) => Math.max(max, value), Number.NEGATIVE_INFINITY);
  const band = profile.subarray(radius);
  return band.reduce((sum, value) => sum + value / largest, 0) / band.length;
}

/**
 * The statistic of a latent [1, channels, height, width]: of the mean of its channels (the authors' online mode). Does not hang on how
 * a sampler scales its latents.
 */
export function highBandOfLatent(latent: Tensor, amplitude: Amplitude): number {
  return highBandStatistic(meanOfChannels(latent), amplitude);
}

/** The authors' online mode to the letter: from bin 80 on, which a latent below 114x114 does not have; NaN there (cmlora.md, G.1). */
export function referenceHighBandOfLatent(latent: Tensor): number {
  return bandFrom(radialProfile(meanOfChannels(latent), 'raw'), REFERENCE_RADIUS);
}

const REFERENCE_RADIUS = 80;

function meanOfChannels({ data, dims }: Tensor): Plane {
  const [, channels = 1, height = 0, width = 0] = dims;
  const size = height * width;
  const values = new Float64Array(size);
  for (const [index, value] of data.entries()) values[index % size] = (values[index % size] ?? 0) + value / channels;
  return { height, width, values };
}

/** The statistic of a finished picture: of its greys, whole numbers from 0 to 255 (the authors' notebook, which takes the logarithm). */
export function highBandOfPicture({ width, height, pixels }: RgbImage): number {
  const greys = Uint8Array.from({ length: width * height }, (_, pixel) => {
    const [red = 0, green = 0, blue = 0] = pixels.subarray(3 * pixel, 3 * pixel + 3);
    return (red + green + blue) / 3;
  });
  return highBandStatistic({ height, width, values: greys }, 'log');
}

/** The share of the energy, one number a radius, that lies in the high band; the mean (radius 0) does not count. */
export function highBandShare(energy: Float64Array): number {
  const total = sumFrom(energy, 1);
  assert(total > 0, 'a plane that is constant has no spectrum');
  return sumFrom(energy, Math.max(1, highBandRadius(energy.length - 1))) / total;
}

function sumFrom(values: Float64Array, start: number): number {
  return values.subarray(start).reduce((sum, value) => sum + value, 0);
}
