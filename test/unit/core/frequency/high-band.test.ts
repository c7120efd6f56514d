import { describe, expect, test } from 'vitest';
import { fft2d } from '../../../../src/core/frequency/fft2d.ts';
import {
  highBandOfLatent,
  highBandRadius,
  highBandShare,
  highBandStatistic,
  referenceHighBandOfLatent,
} from '../../../../src/core/frequency/high-band.ts';
import { radialEnergy } from '../../../../src/core/frequency/radial-profile.ts';
import { radiusBins } from '../../../../src/core/frequency/radius-bins.ts';
import { randn } from '../../../../src/core/random/torch-generator.ts';

test.each([
  [45, 9],
  [80, 16],
  [362, 73],
  [11, 3],
])('of %i radii the high band starts at %i', (largest, first) => {
  expect(highBandRadius(largest)).toBe(first);
});

test('the band starts at the exact fifth for every radius, with no rounding error of 0.2', () => {
  for (let largest = 0; largest < 2000; largest++) {
    expect(highBandRadius(largest)).toBe(Math.floor((largest + 4) / 5));
  }
});

describe('the high band of a latent', () => {
  const latentOf = (side: number) => randn(0, [1, 4, side, side]);

  test('does not hang on how a sampler scales it', () => {
    const latent = latentOf(16);
    const scaled = { ...latent, data: latent.data.map((value) => value / 8) };
    expect(highBandOfLatent(scaled, 'raw')).toBe(highBandOfLatent(latent, 'raw'));
  });

  test("as the authors' code has it is no number below 114x114, where radius 80 is not reached, and one above", () => {
    expect([16, 64, 112].map((side) => referenceHighBandOfLatent(latentOf(side)))).toEqual([NaN, NaN, NaN]);
    const large = referenceHighBandOfLatent(latentOf(128));
    expect(large).toBeGreaterThan(0);
    expect(large).toBeLessThan(1);
  });
});

describe('white noise', () => {
  const side = 64;
  const seeds = Array.from({ length: 32 }, (_, seed) => seed);
  const noises = seeds.map((seed) => ({ height: side, width: side, values: randn(seed, [side, side]).data }));

  test('has the share of its coefficients in the high band', () => {
    const { radii, largest } = radiusBins({ height: side, width: side });
    const expected = radii.filter((radius) => radius >= highBandRadius(largest)).length / (side * side - 1);
    expect(mean(noises.map((noise) => highBandShare(radialEnergy(noise))))).toBeCloseTo(expected, 2);
  });

  /** The scale check of cmlora.md A.4. Single fields scatter by 0.15 (raw) and 0.05 (log): frequency 0 is one coefficient. */
  test.each([
    [0, 0.68, 0.88],
    [0.5, 0.18, 0.67],
    [1, 0.04, 0.48],
  ])('over f^%f has the statistic of the specification, raw about %f and log about %f', (exponent, raw, log) => {
    const fields = noises.map((noise) => coloured(noise, exponent));
    expect(Math.abs(mean(fields.map((field) => highBandStatistic(field, 'raw'))) - raw)).toBeLessThan(0.06);
    expect(Math.abs(mean(fields.map((field) => highBandStatistic(field, 'log'))) - log)).toBeLessThan(0.06);
  });
});

/**
 * Noise whose amplitude falls as 1 / frequency^exponent, to unit variance, which the logarithm hangs on. Frequency 0 counts as the
 * lowest other one.
 */
function coloured(noise: { height: number; width: number; values: Float32Array }, exponent: number) {
  const { height, width } = noise;
  const { re, im } = fft2d(noise);
  const distance = (k: number, length: number) => Math.min(k, length - k) / length;
  const gains = re.map((_, index) => {
    const frequency = Math.hypot(distance(Math.floor(index / width), height), distance(index % width, width));
    return Math.max(frequency, 1 / width) ** -exponent;
  });
  // The transform of the conjugate is the conjugate of the inverse; the field is real, so the real part is all of it.
  const ofReal = fft2d({ height, width, values: re.map((value, index) => value * (gains[index] ?? 0)) });
  const ofImaginary = fft2d({ height, width, values: im.map((value, index) => value * (gains[index] ?? 0)) });
  const field = ofReal.re.map((value, index) => value + (ofImaginary.im[index] ?? 0));
  const deviation = Math.sqrt(mean([...field.map((value) => value * value)]) - mean([...field]) ** 2);
  return { height, width, values: field.map((value) => value / deviation) };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
