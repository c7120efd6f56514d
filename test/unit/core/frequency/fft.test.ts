import { describe, expect, test } from 'vitest';
import { fftOfLength } from '../../../../src/core/frequency/fft.ts';
import { randn } from '../../../../src/core/random/torch-generator.ts';

const values = (length: number, seed = 1) => Float64Array.from(randn(seed, [length]).data);
const energy = (signal: Float64Array) => signal.reduce((sum, value) => sum + value ** 2, 0);

function transformed(re: Float64Array, im = new Float64Array(re.length)) {
  const result = { re: Float64Array.from(re), im: Float64Array.from(im) };
  fftOfLength(re.length)(result.re, result.im);
  return result;
}

/** Powers of two, odd numbers, primes, and sides of latents that are neither. */
const LENGTHS = [1, 2, 3, 5, 8, 12, 31, 40, 64, 97, 128, 255, 509];

describe.each(LENGTHS)('a transform of %i values', (length) => {
  test('keeps the energy (Parseval)', () => {
    const [re, im] = [values(length, 1), values(length, 2)];
    const spectrum = transformed(re, im);
    expect((energy(spectrum.re) + energy(spectrum.im)) / length).toBeCloseTo(energy(re) + energy(im), 8);
  });

  test('spreads a delta evenly, with the phase of where it stands', () => {
    const at = Math.floor(length / 3);
    const delta = new Float64Array(length);
    delta[at] = 1;
    const { re, im } = transformed(delta);
    for (let k = 0; k < length; k++) {
      const angle = (-2 * Math.PI * k * at) / length;
      expect(re[k]).toBeCloseTo(Math.cos(angle), 10);
      expect(im[k]).toBeCloseTo(Math.sin(angle), 10);
    }
  });

  test('gives the same again when its tables are used a second time', () => {
    const transform = fftOfLength(length);
    const [first, second] = [values(length), values(length)];
    transform(first, new Float64Array(length));
    transform(second, new Float64Array(length));
    expect(second).toEqual(first);
  });
});

test('a cosine lies in the coefficient of its frequency and in its mirror', () => {
  const { re, im } = transformed(Float64Array.from({ length: 15 }, (_, n) => Math.cos((2 * Math.PI * 4 * n) / 15)));

  expect([...re].map((value) => Math.abs(Math.round(value * 1e9) / 1e9))).toEqual(
    Array.from({ length: 15 }, (_, k) => (k === 4 || k === 11 ? 7.5 : 0)),
  );
  expect(energy(im)).toBeCloseTo(0, 12);
});
