import { assert } from '../assert.ts';
import { elementCount, type Tensor } from './tensor.ts';

/** Sum of weight * tensor over at least one term, all of one shape; summed in double precision, rounded once. */
export function weightedSum(...terms: readonly (readonly [weight: number, tensor: Tensor])[]): Tensor {
  const first = terms[0];
  assert(first !== undefined, 'a weighted sum needs a term');
  const dims = first[1].dims;
  const sum = new Float64Array(elementCount(dims));
  for (const [weight, tensor] of terms) {
    assert(tensor.dims.join() === dims.join(), `a weighted sum of shapes [${dims}] and [${tensor.dims}]`);
    addScaled(sum, weight, tensor.data);
  }
  return { data: new Float32Array(sum), dims };
}

function addScaled(sum: Float64Array, weight: number, data: Float32Array): void {
  for (let index = 0; index < sum.length; index++) sum[index] = (sum[index] ?? 0) + weight * (data[index] ?? 0);
}
