import { expect, test } from 'vitest';
import { evolve } from '../../../../src/core/search/evolution.ts';
import { grid } from '../../../../src/core/search/grid.ts';
import type { Found, Search } from '../../../../src/core/search/search.ts';

/** Runs a search on a function; returns what it found and every point that it asked for. */
function run(search: Search, loss: (point: readonly number[]) => number) {
  const asked: (readonly number[])[] = [];
  let next = search.next();
  while (!next.done) {
    asked.push(next.value);
    next = search.next(loss(next.value));
  }
  return { found: next.value as Found, asked };
}

const SETTINGS = { start: [0.25, 0.25, 0.25, 0.25], bounds: [-1.5, 1.5], step: 0.5, tries: 40, seed: 3 } as const;

/** Least, with 0, at a point within the bounds. */
const bowl = (point: readonly number[]) =>
  point.reduce((sum, value, index) => sum + (value - ([0.9, -0.4, 1.2, 0.1][index] ?? 0)) ** 2, 0);

test('a grid tries every point, and keeps the first of the best', () => {
  const { found, asked } = run(grid([[3], [1], [2], [-1]]), ([x = 0]) => Math.abs(x));
  expect(asked).toEqual([[3], [1], [2], [-1]]);
  expect(found).toEqual({ point: [1], loss: 1 });
});

test('an evolution starts at its start and asks as often as it may', () => {
  const { asked } = run(evolve(SETTINGS), bowl);
  expect(asked).toHaveLength(40);
  expect(asked[0]).toEqual(SETTINGS.start);
  expect(run(evolve({ ...SETTINGS, tries: 1 }), bowl).found).toEqual({
    point: SETTINGS.start,
    loss: bowl(SETTINGS.start),
  });
});

test('it comes down into a bowl: within 40 tries by a factor of 3, within 400 to the bottom, for every seed', () => {
  for (let seed = 0; seed < 20; seed++) {
    const after = (tries: number) => run(evolve({ ...SETTINGS, seed, tries }), bowl).found.loss;
    expect(after(40)).toBeLessThan(bowl(SETTINGS.start) / 3);
    expect(after(400)).toBeLessThan(1e-6);
  }
});

test('what it returns is the best that it was told, and never outside the bounds', () => {
  const rough = (point: readonly number[]) => Math.sin(37 * point.reduce((sum, value) => sum + value, 0));
  const { found, asked } = run(evolve({ ...SETTINGS, step: 5 }), rough);
  expect(found.loss).toBe(Math.min(...asked.map(rough)));
  expect(asked.flat().every((value) => value >= -1.5 && value <= 1.5)).toBe(true);
});

test('the same seed asks for the same points, another for others', () => {
  const pointsOf = (seed: number) => run(evolve({ ...SETTINGS, seed }), bowl).asked;
  expect(pointsOf(7)).toEqual(pointsOf(7));
  expect(pointsOf(8)).not.toEqual(pointsOf(7));
});

test('a least that lies on the edge is found there', () => {
  const { found } = run(evolve({ ...SETTINGS, tries: 200 }), (point) => -point.reduce((sum, value) => sum + value, 0));
  expect(found.loss).toBeLessThan(-5.8);
});
