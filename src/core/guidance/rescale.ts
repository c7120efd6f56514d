import type { Tensor } from '../tensor/tensor.ts';
import { weightedSum } from '../tensor/weighted-sum.ts';

/**
 * Guidance makes a prediction larger, and so a picture over-exposed, most of all where training went down to no picture at all. This
 * gives the guided prediction back the deviation of the conditional one, to the share `phi` (0 to 1; the paper takes 0.7).
 * Lin et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed" (2023), eq. 15 and 16; arxiv.org/abs/2305.08891.
 */
export function rescaled(guided: Tensor, cond: Tensor, phi: number): Tensor {
  const full = deviation(cond.data) / deviation(guided.data);
  return weightedSum([phi * full + 1 - phi, guided]);
}

function deviation(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
