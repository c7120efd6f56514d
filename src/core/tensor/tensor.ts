/** A dense float32 tensor in row-major order. `data.length` is the product of `dims`. Never mutated once it has been returned. */
export interface Tensor {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

/** The number of elements that `dims` describe; 1 for a scalar's empty list. */
export function elementCount(dims: readonly number[]): number {
  return dims.reduce((count, dim) => count * dim, 1);
}
