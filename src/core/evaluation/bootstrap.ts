import { assert } from '../assert.ts';
import { mt19937 } from '../random/mt19937.ts';
import { quantile } from './statistics.ts';

/**
 * How far a figure would move with other sets of LoRAs: the bootstrap, clustered by set and stratified by size. Pictures of one set
 * share its LoRAs and its noise, so whole sets are drawn, never pictures; each size keeps as many as it had. All statistics see the
 * same draws, so a difference of two methods has the interval of the difference. 95 %, by percentiles.
 *
 * Efron, Tibshirani: An Introduction to the Bootstrap, 1993, chapters 8 and 13.
 */

export interface Interval {
  readonly mean: number;
  readonly lo: number;
  readonly hi: number;
}

/** From how often each set counts (1 each for what was measured) to figures; NaN for what cannot be said. */
export type Statistics = (weights: Float64Array) => readonly number[];

export const REPLICATES = 2000;
const [LOW, HIGH] = [0.025, 0.975];

/**
 * `strata` lists the sets, by index, of each size. Ends are NaN where nothing can be said of them: of a figure that is NaN itself, and of
 * all where a size has a single set, which says nothing of how much sets differ.
 */
export function bootstrap(
  strata: readonly (readonly number[])[],
  statistics: Statistics,
  options: { readonly seed: number; readonly replicates?: number },
): readonly Interval[] {
  const { seed, replicates = REPLICATES } = options;
  const count = strata.reduce((sum, { length }) => sum + length, 0);
  const measured = statistics(new Float64Array(count).fill(1));
  if (strata.some(({ length }) => length < 2)) return measured.map(withoutEnds);
  const drawn = measured.map(() => new Float64Array(replicates));
  const nextWord = mt19937(seed);
  const weights = new Float64Array(count);
  for (let replicate = 0; replicate < replicates; replicate++) {
    weights.fill(0);
    for (const sets of strata) drawWithReplacement(sets, weights, nextWord);
    const figures = statistics(weights);
    assert(figures.length === measured.length, 'every draw has the same figures');
    for (const [index, figure] of figures.entries()) {
      const column = drawn[index];
      if (column !== undefined) column[replicate] = figure;
    }
  }
  return measured.map((figure, index) => intervalOf(figure, drawn[index] ?? new Float64Array()));
}

function drawWithReplacement(sets: readonly number[], weights: Float64Array, nextWord: () => number): void {
  for (let draw = 0; draw < sets.length; draw++) {
    const set = sets[Math.floor((nextWord() / 2 ** 32) * sets.length)] ?? 0;
    weights[set] = (weights[set] ?? 0) + 1;
  }
}

function intervalOf(figure: number, drawn: Float64Array): Interval {
  const known = drawn.filter((value) => !Number.isNaN(value)).sort();
  if (Number.isNaN(figure) || known.length === 0) return withoutEnds(figure);
  return { mean: figure, lo: quantile(known, LOW), hi: quantile(known, HIGH) };
}

function withoutEnds(mean: number): Interval {
  return { mean, lo: Number.NaN, hi: Number.NaN };
}
