import { assert } from '../assert.ts';
import type { FrequencyClass } from '../composition/method.ts';
import { kendallTau } from '../frequency/kendall-tau.ts';

/**
 * Measured class scores to the two sets of CMLoRA and the order of their leaders (cmlora.md A.5). The one place of the rule:
 *
 * - the scores, sorted, are split at their largest gap: above it is high, below it low;
 * - where the two halves of the seeds do not rank the LoRAs alike (Kendall's tau below 0.6), no class is said: `unclear`, and an
 *   unclear LoRA counts as high, like one of which nothing is known;
 * - what a person says wins: a class first, then a category (a background is low, every other category high), and an explicit order;
 * - each set is ordered by score, the highest first, and the high set comes first.
 *
 * Scores only mean something beside each other: with one LoRA, or where all score alike, there is no gap and nothing is split.
 */

export interface ScoredAdapter {
  readonly id: string;
  readonly score: number;
  /** The score by either half of the seeds. */
  readonly halves: readonly [number, number];
  /** What a person said of it. */
  readonly frequencyClass?: FrequencyClass;
  readonly category?: Category;
}

/** The categories of ComposLoRA (arXiv 2402.16843), which the authors of CMLoRA sort by. */
export const CATEGORIES = ['character', 'clothing', 'style', 'background', 'object'] as const;
export type Category = (typeof CATEGORIES)[number];

export interface FrequencySets {
  /** In the order of the input. */
  readonly classes: readonly ClassifiedAdapter[];
  /** Ids in leading order. */
  readonly high: readonly string[];
  readonly low: readonly string[];
  /** All of them: the order that was asked for, or else high and then low. */
  readonly order: readonly string[];
  /** The middle of the largest gap; null where there is none, or where the scores are unclear. */
  readonly split: number | null;
  /** Agreement of the two halves of the seeds; null for fewer than two LoRAs. */
  readonly halvesTau: number | null;
}

export interface ClassifiedAdapter {
  readonly id: string;
  readonly frequencyClass: FrequencyClass | 'unclear';
  /** Who says so. `unsplit`: nobody, since there was nothing to split; it counts as high. */
  readonly source: 'request' | 'category' | 'scores' | 'unsplit';
}

/** Below this the halves of the seeds do not tell the same story (cmlora.md A.5). */
const TAU_MIN = 0.6;

/** `order`, where it is given, names every adapter once. */
export function frequencySets(
  adapters: readonly ScoredAdapter[],
  { order }: { readonly order?: readonly string[] } = {},
): FrequencySets {
  const gap = largestGap(adapters.map(({ score }) => score));
  const halvesTau = kendallTau(
    adapters.map(({ halves }) => halves[0]),
    adapters.map(({ halves }) => halves[1]),
  );
  const isUnclear = halvesTau !== null && halvesTau < TAU_MIN;
  const split = isUnclear ? null : gap;
  const classes = adapters.map((adapter) => classify(adapter, { gap, isUnclear }));

  const isLow = (index: number) => classes[index]?.frequencyClass === 'low';
  const byScore = adapters
    .map(({ id, score }, index) => ({ id, score, isLow: isLow(index) }))
    .sort((one, other) => other.score - one.score);
  const high = byScore.filter((adapter) => !adapter.isLow).map(({ id }) => id);
  const low = byScore.filter((adapter) => adapter.isLow).map(({ id }) => id);
  if (order === undefined) return { classes, high, low, order: [...high, ...low], split, halvesTau };

  assert(
    order.length === adapters.length && adapters.every(({ id }) => order.includes(id)),
    'the order names every adapter once',
  );
  const inOrder = (set: readonly string[]) => order.filter((id) => set.includes(id));
  return { classes, high: inOrder(high), low: inOrder(low), order, split, halvesTau };
}

function classify(
  { id, score, frequencyClass, category }: ScoredAdapter,
  { gap, isUnclear }: { readonly gap: number | null; readonly isUnclear: boolean },
): ClassifiedAdapter {
  if (frequencyClass !== undefined) return { id, frequencyClass, source: 'request' };
  if (category !== undefined) {
    return { id, frequencyClass: classOfCategory(category), source: 'category' };
  }
  if (gap === null) return { id, frequencyClass: 'high', source: 'unsplit' };
  if (isUnclear) return { id, frequencyClass: 'unclear', source: 'scores' };
  return { id, frequencyClass: score > gap ? 'high' : 'low', source: 'scores' };
}

export function classOfCategory(category: Category): FrequencyClass {
  return category === 'background' ? 'low' : 'high';
}

/** The middle of the largest gap between neighbours; of equal ones the lowest, which leaves more in the high set. */
function largestGap(scores: readonly number[]): number | null {
  const sorted = [...scores].sort((one, other) => one - other);
  let widest = { size: 0, middle: Number.NaN };
  for (const [index, above] of sorted.slice(1).entries()) {
    const below = sorted[index] ?? above;
    if (above - below > widest.size) widest = { size: above - below, middle: (above + below) / 2 };
  }
  return widest.size > 0 ? widest.middle : null;
}
