import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arrangeRows as arrange } from '../../../src/engine/arrange-rows.ts';

const arrangeRows = (keys: readonly string[]) => arrange(keys, { onePerSet: false });

test('rows of one set lie together and share it', () => {
  expect(arrangeRows(['a', 'b', 'a', 'b'])).toEqual({ order: [0, 2, 1, 3], sets: [0, 1] });
});

test('sets of unequal size are fed as often as it takes to give all the same number of rows', () => {
  expect(arrangeRows(['a', 'a', 'a', 'a', 'b', 'b'])).toEqual({ order: [0, 1, 2, 3, 4, 5], sets: [0, 2, 4] });
  expect(arrangeRows(['a', 'a', 'b'])).toEqual({ order: [0, 1, 2], sets: [0, 1, 2] });
});

test('the same sets come in the same order whoever was first', () => {
  const keysOf = (keys: readonly string[]) => arrangeRows(keys).sets.map((row) => keys[row]);

  expect(keysOf(['b', 'a'])).toEqual(keysOf(['a', 'b']));
});

test('always, a row at place p is read with set floor(p / (rows / sets)), and that is its own', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 16 }), (keys) => {
      const { order, sets } = arrangeRows(keys);
      const rowsPerSet = order.length / sets.length;

      expect([...order].sort((a, b) => a - b)).toEqual(keys.map((_, row) => row));
      order.forEach((row, place) => {
        expect(keys[sets[Math.floor(place / rowsPerSet)] ?? -1]).toBe(keys[row]);
      });
    }),
  );
});

test('rows that must not be put together have a set each', () => {
  expect(arrange(['b', 'a', 'b'], { onePerSet: true })).toEqual({ order: [1, 0, 2], sets: [1, 0, 2] });
});
