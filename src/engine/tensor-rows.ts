import { assert } from '../core/assert.ts';
import { elementCount, type Tensor } from '../core/tensor/tensor.ts';

/** Between one tensor for each row, [1, ...], which is what jobs hold, and one for a call, [rows, ...], which is what graphs take. */

/** Copies rows [1, ...] of equal shape into one [rows, ...]. */
export function stackRows(rows: readonly Tensor[]): Tensor {
  const [first] = rows;
  assert(first !== undefined && first.dims[0] === 1, 'rows are stacked from tensors [1, ...]');
  const rowSize = first.data.length;
  const data = new Float32Array(rows.length * rowSize);
  rows.forEach((row, index) => {
    assert(row.data.length === rowSize, `row ${index} is [${row.dims}], the first is [${first.dims}]`);
    data.set(row.data, index * rowSize);
  });
  return { data, dims: [rows.length, ...first.dims.slice(1)] };
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
