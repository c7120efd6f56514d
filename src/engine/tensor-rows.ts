import { assert } from '../core/assert.ts';
import { elementCount, type Tensor } from '../core/tensor/tensor.ts';
import type { Feed } from './session.ts';

/** Between one tensor for each row, [1, ...], which is what jobs hold, and one for a call, [rows, ...], which is what graphs take. */

/** Copies rows [1, ...] of equal shape into one [rows, ...]. */
export function stackRows(rows: readonly Feed[]): Feed {
  const [first] = rows;
  assert(first !== undefined, 'a call has at least one row');
  const strangers = rows.filter(({ dims }) => dims[0] !== 1 || dims.join() !== first.dims.join());
  assert(strangers.length === 0, `rows of one call are [${first.dims}] and [${strangers[0]?.dims}]`);

  const dims = [rows.length, ...first.dims.slice(1)];
  const rowSize = first.data.length;
  if (first.data instanceof BigInt64Array) {
    const data = new BigInt64Array(rows.length * rowSize);
    for (const [row, { data: source }] of rows.entries()) {
      assert(source instanceof BigInt64Array, 'rows of one call are of one type');
      data.set(source, row * rowSize);
    }
    return { data, dims };
  }
  const data = new Float32Array(rows.length * rowSize);
  for (const [row, { data: source }] of rows.entries()) {
    assert(source instanceof Float32Array, 'rows of one call are of one type');
    data.set(source, row * rowSize);
  }
  return { data, dims };
}

/** Copies each row of [rows, ...] out as [1, ...], so that keeping one row does not keep the whole call's memory. */
export function splitRows({ data, dims }: Tensor): readonly Tensor[] {
  const [rowCount = 0, ...rest] = dims;
  const rowSize = elementCount(rest);
  return Array.from({ length: rowCount }, (_, row) => ({
    data: data.slice(row * rowSize, (row + 1) * rowSize),
    dims: [1, ...rest],
  }));
}
