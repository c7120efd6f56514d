import { assert } from '../assert.ts';
import type { DifferenceMeasures } from './difference.ts';

/**
 * Many measured differences of one LoRA to its profile in one space (cmlora.md A.5): averages over prompts and seeds for each noise
 * level, and over the levels. Pure; who ran the model and on what is `pipeline/profile-adapter.ts`.
 */

/** One difference: of one prompt, seed and noise level. */
export interface Measurement extends DifferenceMeasures {
  /** Index of the noise level, 0 the noisiest. */
  readonly level: number;
  /** Which half of the seeds it belongs to. */
  readonly half: 0 | 1;
}

export interface SpaceProfile {
  /** Class score, 0 (all broad) to 1 (all fine): the mean over the levels. */
  readonly score: number;
  /** The same from either half of the seeds: how far the score can be trusted. */
  readonly halves: readonly [number, number];
  readonly strength: number;
  readonly levels: readonly LevelProfile[];
}

export interface LevelProfile {
  readonly score: number;
  readonly strength: number;
  /** Share of the change's energy at each radius from 0 to Rmax; sums to 1. */
  readonly spectrum: readonly number[];
}

/** Every level has the same number of measurements in each half, at least one. */
export function summarize(measurements: readonly Measurement[], levelCount: number): SpaceProfile {
  const levels = Array.from({ length: levelCount }, (_, level) => {
    const ofLevel = measurements.filter((measurement) => measurement.level === level);
    return {
      score: mean(ofLevel.map(({ score }) => score)),
      strength: mean(ofLevel.map(({ strength }) => strength)),
      spectrum: meanSpectrum(ofLevel.map(({ spectrum }) => spectrum)),
    };
  });
  const scoreOf = (half: 0 | 1) => mean(measurements.filter((each) => each.half === half).map(({ score }) => score));
  return {
    score: mean(levels.map(({ score }) => score)),
    halves: [scoreOf(0), scoreOf(1)],
    strength: mean(levels.map(({ strength }) => strength)),
    levels,
  };
}

function meanSpectrum(spectra: readonly Float64Array[]): readonly number[] {
  const [first] = spectra;
  assert(first !== undefined, 'every level has a measurement');
  return Array.from(first, (_, radius) => mean(spectra.map((spectrum) => spectrum[radius] ?? 0)));
}

function mean(values: readonly number[]): number {
  assert(values.length > 0, 'the mean of nothing');
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
