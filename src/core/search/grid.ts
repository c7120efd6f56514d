import { assert } from '../assert.ts';
import type { Found, Search } from './search.ts';

/** Tries every point of a list, in its order; of equal ones the first is the best. */
export function* grid(points: readonly (readonly number[])[]): Search {
  let best: Found | undefined;
  for (const point of points) {
    const loss = yield point;
    if (best === undefined || loss < best.loss) best = { point, loss };
  }
  assert(best !== undefined, 'a grid has a point');
  return best;
}
