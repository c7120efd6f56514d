import { assert } from '../assert.ts';
import type { Tensor } from '../tensor/tensor.ts';

/**
 * A weighted sum of predictions, rounded once: `out = sum_j weight_j * prediction_j`, accumulated in float64. The fold of every
 * method that runs more than one pass.
 */
export function fold(weights: readonly number[], predictions: readonly Tensor[]): Tensor {
  const [first] = predictions;
  assert(first !== undefined && weights.length === predictions.length, 'one weight for each prediction');
  const sums = new Float64Array(first.data.length);
  predictions.forEach(({ data }, index) => {
    assert(data.length === sums.length, 'predictions have one shape');
    addScaled(sums, data, weights[index] ?? 0);
  });
  return { data: Float32Array.from(sums), dims: first.dims };
}

function addScaled(sums: Float64Array, values: Float32Array, weight: number): void {
  for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] ?? 0) + weight * (values[i] ?? 0);
}
