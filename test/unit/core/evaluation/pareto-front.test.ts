import { expect, test } from 'vitest';
import { paretoFront } from '../../../../src/core/evaluation/pareto-front.ts';

test('a point that another one beats in one and equals in the other is not on the front', () => {
  const points = [
    { cost: 1, worth: 1 },
    { cost: 2, worth: 3 },
    { cost: 2, worth: 2 },
    { cost: 3, worth: 3 },
    { cost: 4, worth: 5 },
  ];
  expect(paretoFront(points)).toEqual([true, true, false, false, true]);
});

test('equal points are both on it', () => {
  const point = { cost: 1, worth: 1 };
  expect(paretoFront([point, point])).toEqual([true, true]);
});
