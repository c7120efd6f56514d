import { expect, test } from 'vitest';
import { measureDifference } from '../../../../src/core/frequency/difference.ts';
import type { Tensor } from '../../../../src/core/tensor/tensor.ts';

const [height, width] = [16, 24];

/** Two channels, each with its own value at a row and a column. */
function planes(first: (row: number, column: number) => number, second = first): Tensor {
  const data = [first, second].flatMap((value) =>
    Array.from({ length: height * width }, (_, index) => value(Math.floor(index / width), index % width)),
  );
  return { data: Float32Array.from(data), dims: [1, 2, height, width] };
}

const base = planes(() => 2);
const broad = (row: number) => 2 + Math.cos((2 * Math.PI * row) / height);
const fine = (row: number, column: number) => 2 + ((row + column) % 2 === 0 ? 1 : -1);

test('a hatch is all high, a broad wave all low', () => {
  expect(measureDifference(planes(fine), base)?.score).toBeCloseTo(1, 6);
  expect(measureDifference(planes(broad), base)?.score).toBeCloseTo(0, 6);
});

test('channels add their energies: a hatch of 1 beside a wave of amplitude 1, which has half its energy', () => {
  expect(measureDifference(planes(fine, broad), base)?.score).toBeCloseTo(2 / 3, 6);
});

test('the score does not hang on how large the change is or on its mean; the strength does', () => {
  const small = measureDifference(
    planes((row, column) => 0.1 * fine(row, column) + 1.8),
    base,
  );
  const large = measureDifference(
    planes((row, column) => 3 * fine(row, column) - 4),
    base,
  );

  expect(small?.score).toBeCloseTo(large?.score ?? 0, 5);
  expect(small?.strength).toBeCloseTo(0.05, 6);
  expect(large?.strength).toBeCloseTo(1.5, 6);
});

test('the spectrum sums to 1 and has nothing at radius 0', () => {
  const spectrum =
    measureDifference(
      planes((row, column) => fine(row, column) + 5),
      base,
    )?.spectrum ?? new Float64Array();
  expect(spectrum[0]).toBe(0);
  expect(spectrum.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 12);
});

test('no change, a shift of the whole and a value that is no number have no spectrum', () => {
  expect(measureDifference(base, base)).toBeNull();
  expect(
    measureDifference(
      planes(() => 3),
      base,
    ),
  ).toBeNull();
  expect(
    measureDifference(
      planes(() => Number.NaN),
      base,
    ),
  ).toBeNull();
});
