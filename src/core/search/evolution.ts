import { assert } from '../assert.ts';
import { torchGenerator } from '../random/torch-generator.ts';
import type { Found, Search } from './search.ts';

/**
 * A (1+1) evolution strategy with Rechenberg's one-fifth success rule, in the form of Kern et al. (Natural Computing 3, 2004): the best
 * point so far has one child, a step of normal noise away; a child that is no worse takes its place, and steps grow after a success
 * and shrink after a failure, in balance at one success in five. Made for few and dear tries in few dimensions; the same seed gives
 * the same points for the same losses. Reference for what it stands in for: LoraHub searches with Nevergrad's NGOpt.
 */
export function* evolve(options: {
  readonly start: readonly number[];
  /** The least and the most of every coordinate. */
  readonly bounds: readonly [least: number, most: number];
  /** Deviation of the first steps. */
  readonly step: number;
  /** How often a loss is asked for, the start's included. */
  readonly tries: number;
  readonly seed: number;
}): Search {
  const { start, bounds, tries, seed } = options;
  assert(tries > 0, 'a search has a try');
  const draw = torchGenerator(seed);
  let best: Found = { point: start, loss: yield start };
  let step = options.step;
  for (let attempt = 1; attempt < tries; attempt++) {
    const noise = draw([start.length]).data;
    const child = best.point.map((value, index) => reflected(value + step * (noise[index] ?? 0), bounds));
    const loss = yield child;
    const isSuccess = loss <= best.loss;
    if (isSuccess) best = { point: child, loss };
    step *= isSuccess ? SUCCESS_FACTOR : SUCCESS_FACTOR ** -0.25;
  }
  return best;
}

/** Kern et al.'s exp(0.8), softened for a few dozen tries: steps then change by two within two successes. */
const SUCCESS_FACTOR = 1.5;

/** A step that leaves the bounds comes back by as much as it was outside, so that their edge is no trap; from afar it ends on it. */
function reflected(value: number, [least, most]: readonly [number, number]): number {
  const inside = value < least ? 2 * least - value : value > most ? 2 * most - value : value;
  return Math.min(most, Math.max(least, inside));
}
