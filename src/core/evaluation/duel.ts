import type { PictureScores } from './picture-scores.ts';

/**
 * Which of two pictures of one set and noise is better: the one in which more concepts are found; if as many, the one with the higher
 * CLIPScore; a difference of at most `delta` is none. Judges that are not there have no say.
 */

type Judged = Pick<PictureScores, 'clipScore' | 'concepts'>;

/** 1 where `a` wins, -1 where `b` does, 0 for a tie; NaN where no judge has seen them. */
export function duel(a: Judged, b: Judged, delta: number): number {
  const byConcepts = a.concepts !== null && b.concepts !== null ? a.concepts.found - b.concepts.found : null;
  if (byConcepts !== null && byConcepts !== 0) return Math.sign(byConcepts);
  if (a.clipScore === null || b.clipScore === null) return byConcepts ?? Number.NaN;
  const byScore = a.clipScore - b.clipScore;
  return Math.abs(byScore) <= delta ? 0 : Math.sign(byScore);
}
