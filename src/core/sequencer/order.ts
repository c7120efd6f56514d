import { assert } from '../assert.ts';
import type { FrequencyClass } from '../composition/method.ts';
import type { CmloraComposition } from '../composition/options.ts';

/**
 * Who leads the denoising, and in which order: from the frequency classes of the adapters to the leaders of each phase. The first
 * step of CMLoRA (cmlora.md, B.7); when a phase begins and how long a leader leads is `dominance.ts`. Adapters are named by their
 * index in the request.
 */

export interface LeadingOrder {
  /** Every adapter once. Ties of any kind go to the earlier. */
  readonly order: readonly number[];
  /** The leaders of the first phase and of the second; one list where there is one phase only. */
  readonly phases: readonly (readonly number[])[];
}

export function leadingOrder(
  classes: readonly FrequencyClass[],
  options: Pick<CmloraComposition, 'direction' | 'late_set'> & {
    /** The order that the request asked for; null leaves it to the classes. */
    readonly requested: readonly number[] | null;
  },
): LeadingOrder {
  const { direction, late_set: lateSet, requested } = options;
  const candidates = requested ?? classes.map((_, index) => index);
  assert(isPermutation(candidates, classes.length), 'the requested order names every adapter once');
  const high = candidates.filter((index) => classes[index] === 'high');
  const low = candidates.filter((index) => classes[index] === 'low');
  if (direction === 'interleaved') {
    const order = requested ?? interleave(high, low);
    return { order, phases: [order] };
  }
  const [first, second] = direction === 'high_first' ? [high, low] : [low, high];
  const order = requested ?? [...first, ...second];
  if (first.length === 0 || second.length === 0) return { order, phases: [order] };
  // `low` is the set whose turn comes second, which under `low_first` is the high one.
  const late = { low: second, all: order, all_but_first: order.slice(1) }[lateSet];
  return { order, phases: [first, late] };
}

/** First of one, first of the other, second of one, ...; what is left of the longer at the end. */
function interleave(one: readonly number[], other: readonly number[]): readonly number[] {
  const length = Math.max(one.length, other.length);
  return Array.from({ length }, (_, i) => [...one.slice(i, i + 1), ...other.slice(i, i + 1)]).flat();
}

function isPermutation(order: readonly number[], count: number): boolean {
  return order.length === count && new Set(order).size === count && order.every((index) => index >= 0 && index < count);
}
