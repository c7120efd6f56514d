import { bootstrap, type Interval } from './bootstrap.ts';
import { kernelDistance } from './kid.ts';
import type { PictureScores } from './picture-scores.ts';
import {
  bySet,
  type Column,
  columnsOf,
  type MethodColumns,
  marginColumn,
  meanColumn,
  type PicturesBySet,
} from './set-columns.ts';
import { mean, median } from './statistics.ts';

/**
 * From scored pictures to the figures of a comparison: a row for each method and number of LoRAs, with intervals, and what was claimed
 * beside what was measured. Definitions: docs/evaluation.md.
 */

/** What was evaluated: every method on every set with the same noises. */
export interface Evaluated {
  readonly sets: readonly { readonly id: string; readonly loras: readonly string[] }[];
  readonly methods: readonly string[];
  readonly pictures: readonly PictureScores[];
  /** For each set, its true renderings; empty where there are none. */
  readonly truth: readonly (readonly TruthScores[])[];
  /** The method without LoRAs, from which gaps are measured. */
  readonly baseline: string;
  /** Methods that win rates are among. */
  readonly headline: readonly string[];
  /** Methods that margins are over. */
  readonly rivals: readonly string[];
  /** Of the bootstrap. */
  readonly seed: number;
}

export interface TruthScores {
  readonly clipScore: number | null;
  readonly embedding: Float32Array | null;
}

/** Of one method and one number of LoRAs, or of all numbers, each counting alike. Null is what could not be measured. */
export interface FigureRow {
  readonly method: string;
  readonly N: number | 'all';
  readonly pictures: number;
  readonly clipScore: Interval | null;
  readonly gap: Interval | null;
  readonly recall: Interval | null;
  readonly allFound: Interval | null;
  readonly winRate: Interval | null;
  readonly winMarginVsRivals: Interval | null;
  readonly strangers: Interval | null;
  readonly leakage: Interval | null;
  readonly binding: Interval | null;
  readonly psnr: Interval | null;
  readonly kid: number | null;
  readonly passes: { readonly full: number; readonly reuse: number };
  readonly fullPasses: number;
  readonly seconds: number | null;
  readonly peakBytes: number | null;
}

/** The figures that have an interval, in the order in which they are written down. */
export const INTERVALS = [
  'clipScore',
  'gap',
  'recall',
  'allFound',
  'winRate',
  'winMarginVsRivals',
  'strangers',
  'leakage',
  'binding',
  'psnr',
] as const;
type IntervalName = (typeof INTERVALS)[number];

/** The columns of all methods, which rows and claims are made from. */
export interface EvaluationTable {
  readonly evaluated: Evaluated;
  /** Numbers of LoRAs that there are sets of, ascending. */
  readonly sizes: readonly number[];
  /** Sets of each size, by index, in the order of `sizes`. */
  readonly strata: readonly (readonly number[])[];
  /** Differences of CLIPScore up to this are ties. */
  readonly delta: number;
  readonly truth: Column;
  columns(method: string): MethodColumns;
  /** 100 (wins - losses) / pairs against each of the others, averaged over them; all NaN without others. */
  margin(method: string, others: readonly string[]): Column;
  pictures(method: string): PicturesBySet;
}

export function evaluationTable(evaluated: Evaluated): EvaluationTable {
  const { sets, methods, pictures, truth } = evaluated;
  const sizes = [...new Set(sets.map(({ loras }) => loras.length))].sort((a, b) => a - b);
  const strata = sizes.map((size) => sets.flatMap(({ loras }, index) => (loras.length === size ? [index] : [])));
  const delta = medianDifference(truth);
  const ofMethod = new Map(
    methods.map((method) => [
      method,
      bySet(
        pictures.filter((picture) => picture.method === method),
        sets.length,
      ),
    ]),
  );
  const none = bySet([], sets.length);
  const columns = new Map([...ofMethod].map(([method, own]) => [method, columnsOf(own)]));
  const noColumns = columnsOf(none);
  const picturesOf = (method: string) => ofMethod.get(method) ?? none;
  return {
    evaluated,
    sizes,
    strata,
    delta,
    truth: Float64Array.from(truth, (all) => meanOfKnown(all.map(({ clipScore }) => clipScore ?? Number.NaN))),
    columns: (method) => columns.get(method) ?? noColumns,
    pictures: picturesOf,
    margin(method, others) {
      const margins = others
        .filter((other) => other !== method && methods.includes(other))
        .map((other) => marginColumn(picturesOf(method), picturesOf(other), delta));
      return meanColumn(margins, sets.length).map((share) => 100 * share);
    },
  };
}

/** Median of how far two true renderings of one set are apart in CLIPScore; 0 where that is not known. */
function medianDifference(truth: Evaluated['truth']): number {
  const differences = truth.flatMap((renderings) => {
    const scores = renderings.flatMap(({ clipScore }) => clipScore ?? []);
    return scores.flatMap((a, index) => scores.slice(index + 1).map((b) => Math.abs(a - b)));
  });
  return differences.length === 0 ? 0 : median(differences);
}

/** Rows of each method in turn: one for each number of LoRAs, and last the mean over them. */
export function figureRows(table: EvaluationTable): readonly FigureRow[] {
  return table.evaluated.methods.flatMap((method) => rowsOfMethod(table, method));
}

function rowsOfMethod(table: EvaluationTable, method: string): readonly FigureRow[] {
  const { evaluated, sizes, strata } = table;
  const columns = table.columns(method);
  const linear: Readonly<Record<Exclude<IntervalName, 'gap'>, Column>> = {
    ...columns,
    winRate: table.margin(method, evaluated.headline).map((margin) => 50 + margin / 2),
    winMarginVsRivals: table.margin(method, evaluated.rivals),
  };
  const gapOf = gapStatistic(table, method);
  const figureOf = (name: IntervalName, weights: Float64Array, sets: readonly number[]): number =>
    name === 'gap' ? gapOf(weights, sets) : meanAt(linear[name], weights, sets);
  const intervals = bootstrap(
    strata,
    (weights) =>
      INTERVALS.flatMap((name) => {
        const bySize = strata.map((sets) => figureOf(name, weights, sets));
        return [...bySize, meanOfKnown(bySize)];
      }),
    { seed: evaluated.seed },
  );
  const ones = new Float64Array(evaluated.sets.length).fill(1);
  const width = sizes.length + 1;

  return [...sizes, 'all' as const].map((N, place) => {
    const at = (name: IntervalName): Interval | null => {
      const figure = intervals[INTERVALS.indexOf(name) * width + place];
      return figure === undefined || Number.isNaN(figure.mean) ? null : figure;
    };
    const ofSizes = N === 'all' ? strata : strata.slice(place, place + 1);
    const plain = (column: Column): number => meanOfKnown(ofSizes.map((sets) => meanAt(column, ones, sets)));
    const own = ofSizes.flat().flatMap((set) => table.pictures(method)[set] ?? []);
    const peaks = own.flatMap(({ peakBytes }) => peakBytes ?? []);
    return {
      method,
      N,
      pictures: own.length,
      clipScore: at('clipScore'),
      gap: at('gap'),
      recall: at('recall'),
      allFound: at('allFound'),
      winRate: at('winRate'),
      winMarginVsRivals: at('winMarginVsRivals'),
      strangers: at('strangers'),
      leakage: at('leakage'),
      binding: at('binding'),
      psnr: at('psnr'),
      kid: distanceToTruth(evaluated, own, ofSizes.flat()),
      passes: { full: plain(columns.full), reuse: plain(columns.reuse) },
      fullPasses: plain(columns.fullPasses),
      seconds: known(plain(columns.seconds)),
      peakBytes: peaks.length === 0 ? null : Math.max(...peaks),
    };
  });
}

/**
 * The CLIPScore gap in points: 0 is the model without LoRAs, 100 the true renderings. A ratio of means and not a mean of ratios: a
 * set on which both ends are alike would weigh without bound.
 */
export function gapStatistic(table: EvaluationTable, method: string) {
  const own = table.columns(method).clipScore;
  const base = table.columns(table.evaluated.baseline).clipScore;
  return (weights: Float64Array, sets: readonly number[]): number => {
    const low = meanAt(base, weights, sets);
    return (100 * (meanAt(own, weights, sets) - low)) / (meanAt(table.truth, weights, sets) - low);
  };
}

/** The mean over some sets, each as often as it counts. Sets of which nothing is known do not count. */
export function meanAt(column: Column, weights: Float64Array, sets: readonly number[]): number {
  let sum = 0;
  let total = 0;
  for (const set of sets) {
    const value = column[set] ?? Number.NaN;
    if (Number.isNaN(value)) continue;
    sum += (weights[set] ?? 0) * value;
    total += weights[set] ?? 0;
  }
  return total === 0 ? Number.NaN : sum / total;
}

function distanceToTruth(
  { truth }: Evaluated,
  pictures: readonly PictureScores[],
  sets: readonly number[],
): number | null {
  const own = pictures.flatMap(({ embedding }) => embedding ?? []);
  const real = sets.flatMap((set) => (truth[set] ?? []).flatMap(({ embedding }) => embedding ?? []));
  return own.length > 1 && real.length > 1 ? kernelDistance(own, real) : null;
}

/** NaN where nothing is known. */
export function meanOfKnown(values: readonly number[]): number {
  const known = values.filter((value) => !Number.isNaN(value));
  return known.length === 0 ? Number.NaN : mean(known);
}

function known(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
