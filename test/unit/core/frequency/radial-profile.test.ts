import { expect, test } from 'vitest';
import { radialEnergy, radialProfile } from '../../../../src/core/frequency/radial-profile.ts';

const [height, width] = [24, 24];

/** A wave of `cycles` down and across; its coefficients lie at that distance from the centre. */
function wave(down: number, across: number) {
  const values = Array.from({ length: height * width }, (_, index) => {
    const [row, column] = [Math.floor(index / width), index % width];
    return Math.cos(2 * Math.PI * ((down * row) / height + (across * column) / width));
  });
  return { height, width, values };
}

const peak = (values: Float64Array) => values.indexOf(Math.max(...values));

test.each([
  [0, 1, 1],
  [5, 0, 5],
  [3, 4, 5],
  [6, 6, 8],
  [12, 12, 16],
])('a pure wave of %i by %i cycles lands in bin %i, and nowhere else', (down, across, bin) => {
  const energy = radialEnergy(wave(down, across));

  expect(peak(energy)).toBe(bin);
  expect(energy.reduce((sum, value) => sum + value, 0) - (energy[bin] ?? 0)).toBeCloseTo(0, 9);
});

test('the energy of all bins is that of the plane, times its size (Parseval)', () => {
  const plane = wave(3, 4);
  const squared = plane.values.reduce((sum, value) => sum + value * value, 0);

  expect(radialEnergy(plane).reduce((sum, value) => sum + value, 0)).toBeCloseTo(squared * height * width, 6);
});

test('a constant lies in bin 0 alone', () => {
  const energy = radialEnergy({ height, width, values: new Float64Array(height * width).fill(3) });
  expect([...energy].map((value) => Math.round(value))).toEqual([
    (3 * height * width) ** 2,
    ...new Array(energy.length - 1).fill(0),
  ]);
});

test('the logarithmic profile averages logarithms, and does not take that of an average', () => {
  const [raw, log] = [radialProfile(wave(3, 4), 'raw'), radialProfile(wave(3, 4), 'log')];
  // One pair of coefficients among all of bin 5 is not zero: the mean of the logarithms stays near ln(1e-8).
  expect(raw[5]).toBeGreaterThan(1);
  expect(log[5]).toBeLessThan(-15);
});
