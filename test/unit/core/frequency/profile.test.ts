import { expect, test } from 'vitest';
import { type Measurement, summarize } from '../../../../src/core/frequency/profile.ts';

const measured = (level: number, half: 0 | 1, score: number, strength = 1): Measurement => ({
  level,
  half,
  score,
  strength,
  spectrum: Float64Array.from([0, 1 - score, score]),
});

const four = [measured(0, 0, 0.1, 2), measured(0, 1, 0.3, 4), measured(1, 0, 0.5, 6), measured(1, 1, 0.9, 8)];

test('averages over prompts and seeds for each level, and over the levels', () => {
  const { score, strength, levels } = summarize(four, 2);

  expect(levels.map((level) => level.score)).toEqual([0.2, 0.7]);
  expect(levels.map((level) => level.strength)).toEqual([3, 7]);
  expect(score).toBeCloseTo(0.45, 12);
  expect(strength).toBeCloseTo(5, 12);
});

test('keeps the two halves of the seeds apart', () => {
  const { halves } = summarize(four, 2);
  expect(halves[0]).toBeCloseTo(0.3, 12);
  expect(halves[1]).toBeCloseTo(0.6, 12);
});

test('averages the spectra bin by bin', () => {
  const [first] = summarize(four, 2).levels;
  expect(first?.spectrum.map((value) => Number(value.toFixed(12)))).toEqual([0, 0.8, 0.2]);
});
