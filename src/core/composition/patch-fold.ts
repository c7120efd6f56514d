import { assert } from '../assert.ts';
import type { Tensor } from '../tensor/tensor.ts';

/**
 * A fold whose weights differ from place to place: the latent [1, channels, height, width] is cut into `patches` x `patches` patches,
 * and in patch p prediction j has the weight softmin_j(s_jp / temperature), where s_jp is the cosine between it and the plain model's
 * prediction there, over cells and channels. Sums in float64, rounded once. Where a side has fewer cells than patches, every row or
 * column of cells is a patch of its own.
 */
export function foldPatches(
  base: Tensor,
  predictions: readonly Tensor[],
  { patches, temperature }: { readonly patches: number; readonly temperature: number },
): Tensor {
  const [rows = 0, channels = 0, height = 0, width = 0] = base.dims;
  assert(rows === 1 && base.dims.length === 4, `predictions are [1, channels, height, width], not [${base.dims}]`);
  assert(
    predictions.every(({ dims }) => dims.join() === base.dims.join()),
    'predictions are of one shape',
  );
  const patchCount = patches * patches;
  const patchOf = (cell: number) => {
    const [y, x] = [Math.floor(cell / width), cell % width];
    return Math.floor((y * patches) / height) * patches + Math.floor((x * patches) / width);
  };
  const patchOfCell = Uint32Array.from({ length: height * width }, (_, cell) => patchOf(cell));

  const baseSquares = productsByPatch(base.data, base.data, patchOfCell, patchCount);
  const similarities = predictions.map(({ data }) => {
    const products = productsByPatch(data, base.data, patchOfCell, patchCount);
    const squares = productsByPatch(data, data, patchOfCell, patchCount);
    return products.map((product, patch) => cosine(product, (squares[patch] ?? 0) * (baseSquares[patch] ?? 0)));
  });
  const weights = softminByPatch(similarities, temperature, patchCount);

  const sum = new Float64Array(channels * height * width);
  for (const [index, { data }] of predictions.entries()) {
    const weightOfPatch = weights[index] ?? new Float64Array(patchCount);
    for (let i = 0; i < sum.length; i++) {
      const patch = patchOfCell[i % patchOfCell.length] ?? 0;
      sum[i] = (sum[i] ?? 0) + (weightOfPatch[patch] ?? 0) * (data[i] ?? 0);
    }
  }
  return { data: new Float32Array(sum), dims: base.dims };
}

/** For each patch the sum of one * other over its cells in every channel. */
function productsByPatch(
  one: Float32Array,
  other: Float32Array,
  patchOfCell: Uint32Array,
  patchCount: number,
): Float64Array {
  const sums = new Float64Array(patchCount);
  for (let i = 0; i < one.length; i++) {
    const patch = patchOfCell[i % patchOfCell.length] ?? 0;
    sums[patch] = (sums[patch] ?? 0) + (one[i] ?? 0) * (other[i] ?? 0);
  }
  return sums;
}

/** Nothing resembles a patch that is zero throughout. */
function cosine(product: number, squares: number): number {
  return squares === 0 ? 0 : product / Math.sqrt(squares);
}

/** exp(-s / temperature) over its sum, in each patch; the smallest s is taken off first, so that nothing overflows. */
function softminByPatch(
  similarities: readonly Float64Array[],
  temperature: number,
  patchCount: number,
): readonly Float64Array[] {
  const weights = similarities.map(() => new Float64Array(patchCount));
  for (let patch = 0; patch < patchCount; patch++) {
    const values = similarities.map((bySimilarity) => bySimilarity[patch] ?? 0);
    const smallest = Math.min(...values);
    const powers = values.map((value) => Math.exp((smallest - value) / temperature));
    const total = powers.reduce((sum, power) => sum + power, 0);
    for (const [index, power] of powers.entries()) {
      const own = weights[index];
      if (own !== undefined) own[patch] = power / total;
    }
  }
  return weights;
}
