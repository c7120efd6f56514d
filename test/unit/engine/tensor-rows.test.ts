import { expect, test } from 'vitest';
import { splitRows, stackRows } from '../../../src/engine/tensor-rows.ts';

const row = (...values: readonly number[]) => ({ data: Float32Array.from(values), dims: [1, values.length] });

test('rows that are stacked come apart again as they were', () => {
  const stacked = stackRows([row(1, 2), row(3, 4), row(5, 6)]);

  expect(stacked).toEqual({ data: Float32Array.of(1, 2, 3, 4, 5, 6), dims: [3, 2] });
  expect(splitRows({ data: Float32Array.from([1, 2, 3, 4, 5, 6]), dims: [3, 2] })).toEqual([
    row(1, 2),
    row(3, 4),
    row(5, 6),
  ]);
});

test('token ids stay 64-bit integers', () => {
  const ids = { data: BigInt64Array.of(1n, 2n), dims: [1, 2] };

  expect(stackRows([ids, ids])).toEqual({ data: BigInt64Array.of(1n, 2n, 1n, 2n), dims: [2, 2] });
});

test('a row that is split off holds its own memory alone', () => {
  const [first] = splitRows({ data: Float32Array.of(1, 2, 3, 4), dims: [2, 2] });

  expect(first?.data.buffer.byteLength).toBe(8);
});

test('rows of unlike shapes are a programmer error', () => {
  expect(() => stackRows([row(1, 2), row(1, 2, 3)])).toThrow('rows of one call are [1,2] and [1,3]');
  expect(() => stackRows([])).toThrow('at least one row');
});
