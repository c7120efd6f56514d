import { expect, test } from 'vitest';
import { leadingOrder } from '../../../../src/core/sequencer/order.ts';

const high = 'high';
const low = 'low';
const FIVE = [low, high, high, low, high] as const;
const byClass = { late_set: 'low', requested: null } as const;

test('the high set leads first and the low set second, each in request order', () => {
  expect(leadingOrder(FIVE, { ...byClass, direction: 'high_first' })).toEqual({
    order: [1, 2, 4, 0, 3],
    phases: [
      [1, 2, 4],
      [0, 3],
    ],
  });
});

test('low_first turns the sets around', () => {
  expect(leadingOrder(FIVE, { ...byClass, direction: 'low_first' })).toEqual({
    order: [0, 3, 1, 2, 4],
    phases: [
      [0, 3],
      [1, 2, 4],
    ],
  });
});

test('interleaved takes from both sets in turn, in one phase', () => {
  expect(leadingOrder(FIVE, { ...byClass, direction: 'interleaved' })).toEqual({
    order: [1, 0, 2, 3, 4],
    phases: [[1, 0, 2, 3, 4]],
  });
});

test.each([
  ['all', [1, 2, 4, 0, 3]],
  ['all_but_first', [2, 4, 0, 3]],
] as const)('%s may lead late', (lateSet, leaders) => {
  const { phases } = leadingOrder(FIVE, { direction: 'high_first', late_set: lateSet, requested: null });
  expect(phases[1]).toEqual(leaders);
});

test.each(['low', 'all', 'all_but_first'] as const)(
  'one set alone leads all the way, whatever late_set %s says',
  (lateSet) => {
    for (const direction of ['high_first', 'low_first'] as const) {
      expect(leadingOrder([high, high], { direction, late_set: lateSet, requested: null }).phases).toEqual([[0, 1]]);
    }
  },
);

test('a requested order holds within the sets, and where all lead', () => {
  const requested = [3, 4, 0, 2, 1];
  expect(leadingOrder(FIVE, { direction: 'high_first', late_set: 'low', requested })).toEqual({
    order: requested,
    phases: [
      [4, 2, 1],
      [3, 0],
    ],
  });
  expect(leadingOrder(FIVE, { direction: 'interleaved', late_set: 'low', requested }).phases).toEqual([requested]);
});

test('an order that leaves one out is a mistake of the caller', () => {
  expect(() => leadingOrder(FIVE, { direction: 'high_first', late_set: 'low', requested: [0, 0, 1, 2, 3] })).toThrow(
    'names every adapter once',
  );
});
