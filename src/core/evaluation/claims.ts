import { bootstrap, type Interval } from './bootstrap.ts';
import { type EvaluationTable, gapStatistic, meanAt, meanOfKnown } from './figures.ts';
import type { Column } from './set-columns.ts';

/**
 * What is claimed of one method, held against what was measured. Each figure is a difference, averaged over the numbers of LoRAs so
 * that each counts alike, with the interval of the difference, and once more without each LoRA in turn: a claim that hangs on one LoRA
 * is none.
 */

export interface ClaimedMethods {
  /** The method that claims are made of. */
  readonly subject: string;
  readonly rivals: readonly string[];
  /** A merge whose weight was tuned. */
  readonly tuned: string | null;
  /** The same method made faster. */
  readonly fast: string | null;
}

export interface Claim {
  readonly name: string;
  /** What is claimed, in words. */
  readonly claimed: string;
  readonly measured: Interval;
  readonly unit: 'points' | 'percent' | 'passes';
  readonly holds: boolean;
  /**
   * The figure without each LoRA, and in how many its sign is that of the whole; null where the sign is no part of the claim. A LoRA
   * that all sets have, as the only character of a testbed, cannot be left out.
   */
  readonly leaveOneOut: {
    readonly without: readonly { readonly lora: string; readonly value: number }[];
    readonly sameSign: number;
  } | null;
}

interface Question {
  readonly name: string;
  readonly claimed: string;
  readonly unit: Claim['unit'];
  readonly value: (weights: Float64Array) => number;
  readonly holds: (interval: Interval) => boolean;
  readonly leavesOneOut: boolean;
}

const LEAST_GAP = 5;
const LEAST_MARGIN = 11.25;
const LEAST_RISE = 2.19;
const FAST_GAP = 1;
const FAST_RECALL = 2;

/** Margins of one method over each of the others, averaged over the numbers of LoRAs. */
export interface Duels {
  readonly against: string;
  readonly margin: Interval;
}

export function duelsOf(table: EvaluationTable, subject: string): readonly Duels[] {
  const others = table.evaluated.methods.filter((name) => name !== subject);
  const margins = others.map((other) => table.margin(subject, [other]));
  const intervals = bootstrap(
    table.strata,
    (weights) => margins.map((column) => meanOfKnown(table.strata.map((sets) => meanAt(column, weights, sets)))),
    { seed: table.evaluated.seed },
  );
  return others.flatMap((against, index) => {
    const margin = intervals[index];
    return margin === undefined || Number.isNaN(margin.mean) ? [] : [{ against, margin }];
  });
}

export function claimsOf(table: EvaluationTable, methods: ClaimedMethods): readonly Claim[] {
  const { strata, evaluated } = table;
  const asked = questions(table, methods).filter(
    ({ value }) => !Number.isNaN(value(new Float64Array(evaluated.sets.length).fill(1))),
  );
  const intervals = bootstrap(strata, (weights) => asked.map(({ value }) => value(weights)), { seed: evaluated.seed });
  return asked.flatMap(({ value, holds, leavesOneOut, ...words }, index) => {
    const measured = intervals[index];
    if (measured === undefined) return [];
    const leaveOneOut = leavesOneOut ? without(table, value, measured.mean) : null;
    const isEverywhere = leaveOneOut === null || leaveOneOut.sameSign === leaveOneOut.without.length;
    return [{ ...words, measured, holds: holds(measured) && isEverywhere, leaveOneOut }];
  });
}

function questions(table: EvaluationTable, { subject, rivals, tuned, fast }: ClaimedMethods): readonly Question[] {
  const present = rivals.filter((name) => table.evaluated.methods.includes(name));
  const gap = (method: string) => acrossSizes(table, gapStatistic(table, method));
  const linear = (column: Column) => acrossSizes(table, (weights, sets) => meanAt(column, weights, sets));
  const recall = (method: string) => scaled(100, linear(table.columns(method).recall));
  const score = (method: string) => linear(table.columns(method).clipScore);
  const rivalNames = present.join(', ');
  const overRivals = averageOf(present.map(score));
  return [
    {
      name: `CLIPScore gap over the mean of ${rivalNames}`,
      claimed: `at least +${LEAST_GAP} points, interval above 0, sign kept without each LoRA`,
      unit: 'points',
      value: difference(gap(subject), averageOf(present.map(gap))),
      holds: ({ mean, lo }) => mean >= LEAST_GAP && lo > 0,
      leavesOneOut: true,
    },
    {
      name: `win margin over ${rivalNames}`,
      claimed: `at least +${LEAST_MARGIN} points, interval above 0, sign kept without each LoRA`,
      unit: 'points',
      value: linear(table.margin(subject, present)),
      holds: ({ mean, lo }) => mean >= LEAST_MARGIN && lo > 0,
      leavesOneOut: true,
    },
    {
      name: `CLIPScore over the mean of ${rivalNames}`,
      claimed: `at least +${LEAST_RISE} %`,
      unit: 'percent',
      value: (weights) => 100 * (score(subject)(weights) / overRivals(weights) - 1),
      holds: ({ mean }) => mean >= LEAST_RISE,
      leavesOneOut: false,
    },
    ...(tuned === null
      ? []
      : [
          {
            name: `recall over ${tuned}`,
            claimed: 'not below 0',
            unit: 'points',
            value: difference(recall(subject), recall(tuned)),
            holds: ({ mean }: Interval) => mean >= 0,
            leavesOneOut: false,
          } as const,
        ]),
    ...(fast === null
      ? []
      : ([
          {
            name: `CLIPScore gap of ${fast} less that of ${subject}`,
            claimed: `at least -${FAST_GAP} point`,
            unit: 'points',
            value: difference(gap(fast), gap(subject)),
            holds: ({ mean }: Interval) => mean >= -FAST_GAP,
            leavesOneOut: false,
          },
          {
            name: `recall of ${fast} less that of ${subject}`,
            claimed: `at least -${FAST_RECALL} points`,
            unit: 'points',
            value: difference(recall(fast), recall(subject)),
            holds: ({ mean }: Interval) => mean >= -FAST_RECALL,
            leavesOneOut: false,
          },
        ] as const)),
  ];
}

type Value = (weights: Float64Array) => number;

/** The mean over the numbers of LoRAs, each counting alike. */
function acrossSizes(
  { strata }: EvaluationTable,
  figure: (weights: Float64Array, sets: readonly number[]) => number,
): Value {
  return (weights) => {
    // Without some LoRA there may be no set of a size left; a size of which nothing is known says nothing.
    return meanOfKnown(strata.map((sets) => figure(weights, sets)));
  };
}

function difference(a: Value, b: Value): Value {
  return (weights) => a(weights) - b(weights);
}

function scaled(factor: number, value: Value): Value {
  return (weights) => factor * value(weights);
}

function averageOf(values: readonly Value[]): Value {
  return (weights) => values.reduce((sum, value) => sum + value(weights), 0) / values.length;
}

function without({ evaluated: { sets } }: EvaluationTable, value: Value, whole: number) {
  const all = [...new Set(sets.flatMap((set) => set.loras))].sort();
  const loras = all.filter((lora) => sets.some((set) => !set.loras.includes(lora)));
  const each = loras.map((lora) => ({
    lora,
    value: value(Float64Array.from(sets, (set) => (set.loras.includes(lora) ? 0 : 1))),
  }));
  return { without: each, sameSign: each.filter((one) => Math.sign(one.value) === Math.sign(whole)).length };
}
