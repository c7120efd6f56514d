import type { Predictions } from '../composition/method.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { weightedSum } from '../tensor/weighted-sum.ts';

/**
 * Classifier-free guidance: uncond + scale * (cond - uncond). Scale 1 is the conditional prediction, and where there is no
 * unconditional one it is returned as it is. Ho, Salimans (2022), in the form of GLIDE eq. 7; arxiv.org/abs/2207.12598.
 */
export function guide(predictions: Predictions, scale: number): Tensor {
  const { uncond, cond } = predictions;
  return uncond === null ? cond : weightedSum([1 - scale, uncond], [scale, cond]);
}
