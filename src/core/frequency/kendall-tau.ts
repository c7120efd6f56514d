import { assert } from '../assert.ts';

/**
 * How far two rankings of the same things agree: Kendall's tau (1938), (concordant - discordant) pairs over all pairs, 1 for the same
 * order and -1 for the reverse. A pair that is tied in either counts as neither. Null where there is no pair.
 */
export function kendallTau(one: readonly number[], other: readonly number[]): number | null {
  assert(one.length === other.length, 'both rank the same things');
  const pairs = one.flatMap((_, later) => Array.from({ length: later }, (_, earlier) => [earlier, later] as const));
  if (pairs.length === 0) return null;
  const agreement = pairs.map(([i, j]) => direction(one, i, j) * direction(other, i, j));
  return agreement.reduce((sum, value) => sum + value, 0) / pairs.length;
}

function direction(scores: readonly number[], i: number, j: number): number {
  return Math.sign((scores[i] ?? 0) - (scores[j] ?? 0));
}
