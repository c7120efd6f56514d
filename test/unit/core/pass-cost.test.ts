import { expect, test } from 'vitest';
import { macsOf } from '../../../src/core/pass-cost.ts';

const LEVELS = [
  { perCell: 10, perCellPair: 1 },
  { perCell: 100, perCellPair: 0 },
];

test('each level counts its own cells, and pairs of them', () => {
  expect(macsOf({ fixed: 5, levels: LEVELS }, { height: 2, width: 4 })).toBe(5 + 8 * 10 + 64 + 2 * 100);
});

test('a side that is odd is rounded up where it is halved', () => {
  expect(macsOf({ fixed: 0, levels: LEVELS }, { height: 3, width: 1 })).toBe(3 * 10 + 9 + 2 * 100);
});
