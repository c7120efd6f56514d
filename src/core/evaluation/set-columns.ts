import { duel } from './duel.ts';
import type { PictureScores } from './picture-scores.ts';
import { mean } from './statistics.ts';

/**
 * Scores of pictures as columns with one value for each set, the mean over its noises: what every figure is a weighted mean of. NaN
 * where nothing is known.
 */

export type Column = Float64Array;

export interface MethodColumns {
  readonly clipScore: Column;
  readonly recall: Column;
  readonly allFound: Column;
  readonly strangers: Column;
  readonly leakage: Column;
  readonly binding: Column;
  readonly psnr: Column;
  readonly seconds: Column;
  readonly fullPasses: Column;
  readonly full: Column;
  readonly reuse: Column;
}

const MEASURES: Readonly<Record<keyof MethodColumns, (picture: PictureScores) => number | null>> = {
  clipScore: ({ clipScore }) => clipScore,
  recall: ({ concepts }) => (concepts === null ? null : concepts.found / concepts.wanted),
  allFound: ({ concepts }) => (concepts === null ? null : Number(concepts.found === concepts.wanted)),
  strangers: ({ concepts }) => concepts?.strangers ?? null,
  leakage: ({ concepts }) => concepts?.leakage ?? null,
  binding: ({ concepts }) => concepts?.binding ?? null,
  psnr: ({ psnr }) => psnr,
  seconds: ({ seconds }) => seconds,
  fullPasses: ({ fullPasses }) => fullPasses,
  full: ({ passes }) => passes.full,
  reuse: ({ passes }) => passes.reuse,
};

/** The pictures of one method, by set. */
export type PicturesBySet = readonly (readonly PictureScores[])[];

export function bySet(pictures: readonly PictureScores[], setCount: number): PicturesBySet {
  const sets = Array.from({ length: setCount }, (): PictureScores[] => []);
  for (const picture of pictures) sets[picture.set]?.push(picture);
  return sets;
}

export function columnsOf(pictures: PicturesBySet): MethodColumns {
  const columnOf = (measure: (picture: PictureScores) => number | null): Column =>
    Float64Array.from(pictures, (ofSet) => meanOfKnown(ofSet.map(measure)));
  const { clipScore, recall, allFound, strangers, leakage, binding, psnr, seconds, fullPasses, full, reuse } = MEASURES;
  return {
    clipScore: columnOf(clipScore),
    recall: columnOf(recall),
    allFound: columnOf(allFound),
    strangers: columnOf(strangers),
    leakage: columnOf(leakage),
    binding: columnOf(binding),
    psnr: columnOf(psnr),
    seconds: columnOf(seconds),
    fullPasses: columnOf(fullPasses),
    full: columnOf(full),
    reuse: columnOf(reuse),
  };
}

/** Wins less losses of `a` over `b` on pictures of one set and noise, -1 to 1, for each set. */
export function marginColumn(a: PicturesBySet, b: PicturesBySet, delta: number): Column {
  return Float64Array.from(a, (ofSet, set) => {
    const others = new Map((b[set] ?? []).map((picture) => [picture.seed, picture]));
    const outcomes = ofSet.flatMap((picture) => {
      const other = others.get(picture.seed);
      return other === undefined ? [] : [duel(picture, other, delta)];
    });
    return outcomes.length === 0 ? Number.NaN : mean(outcomes);
  });
}

/** The mean of columns, set by set; NaN where there are none. */
export function meanColumn(columns: readonly Column[], setCount: number): Column {
  return Float64Array.from({ length: setCount }, (_, set) =>
    columns.length === 0 ? Number.NaN : mean(columns.map((column) => column[set] ?? Number.NaN)),
  );
}

function meanOfKnown(values: readonly (number | null)[]): number {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? Number.NaN : mean(known);
}
