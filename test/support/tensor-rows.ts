import { elementCount, type Tensor } from '../../src/core/tensor/tensor.ts';

/** Rows `from` up to, and without, `to` of a batch. */
export function sliceRows(batch: Tensor, from: number, to: number): Tensor {
  const [, ...rowDims] = batch.dims;
  const size = elementCount(rowDims);
  return { data: batch.data.slice(from * size, to * size), dims: [to - from, ...rowDims] };
}

/** Batches of one shape as one batch. */
export function joinRows(batches: readonly Tensor[]): Tensor {
  const data = Float32Array.from(batches.flatMap((batch) => [...batch.data]));
  const rowCount = batches.reduce((count, batch) => count + (batch.dims[0] ?? 0), 0);
  return { data, dims: [rowCount, ...(batches[0]?.dims.slice(1) ?? [])] };
}
