import type { Tensor } from '../tensor/tensor.ts';
import { weightedSum } from '../tensor/weighted-sum.ts';
import type { PredictionType } from './scheduler-config.ts';

/**
 * What a model's output says of the clean picture and of the noise. A model is shown the latent as
 *
 *     x = signal * x0 + noise * eps,   signal^2 = alphaBar,   signal^2 + noise^2 = 1,
 *
 * and answers with eps itself (`epsilon`), with x0 itself (`sample`), or with v = signal * eps - noise * x0 (`v_prediction`: Salimans,
 * Ho, "Progressive Distillation" (2022), appendix D; arxiv.org/abs/2202.00512). Either way x0 and eps are weighted sums of the latent
 * and the output.
 */

/** `input` is the latent as the model saw it. */
export function estimates(
  type: PredictionType,
  seen: { readonly input: Tensor; readonly alphaBar: number },
  output: Tensor,
): { readonly x0: Tensor; readonly eps: Tensor } {
  const { x0, eps } = predictionWeights(type, seen.alphaBar);
  return {
    x0: weightedSum([x0.latent, seen.input], [x0.output, output]),
    eps: weightedSum([eps.latent, seen.input], [eps.output, output]),
  };
}

export interface PredictionWeights {
  readonly x0: LatentAndOutput;
  readonly eps: LatentAndOutput;
}

export interface LatentAndOutput {
  readonly latent: number;
  readonly output: number;
}

/** `alphaBar` lies between 0 and 1; 0, which is no picture at all, leaves nothing to divide by under `epsilon`. */
export function predictionWeights(type: PredictionType, alphaBar: number): PredictionWeights {
  const signal = Math.sqrt(alphaBar);
  const noise = Math.sqrt(1 - alphaBar);
  switch (type) {
    case 'epsilon':
      return { x0: { latent: 1 / signal, output: -noise / signal }, eps: { latent: 0, output: 1 } };
    case 'v_prediction':
      return { x0: { latent: signal, output: -noise }, eps: { latent: noise, output: signal } };
    case 'sample':
      return { x0: { latent: 0, output: 1 }, eps: { latent: 1 / noise, output: -signal / noise } };
  }
}
