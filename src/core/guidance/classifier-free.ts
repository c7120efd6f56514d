import type { Predictions } from '../composition/method.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { weightedSum } from '../tensor/weighted-sum.ts';
import { rescaled } from './rescale.ts';

export interface Guidance {
  readonly scale: number;
  /** How far the result is brought back to the contrast of the conditional prediction: 0 (not at all) to 1. */
  readonly rescale: number;
}

/**
 * Classifier-free guidance: uncond + scale * (cond - uncond). Scale 1 is the conditional prediction, and where there is no
 * unconditional one it is returned as it is. Ho, Salimans (2022), in the form of GLIDE eq. 7; arxiv.org/abs/2207.12598.
 */
export function guide(predictions: Predictions, { scale, rescale }: Guidance): Tensor {
  const { uncond, cond } = predictions;
  if (uncond === null) return cond;
  const guided = weightedSum([1 - scale, uncond], [scale, cond]);
  return rescale === 0 ? guided : rescaled(guided, cond, rescale);
}
