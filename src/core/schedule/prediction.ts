import type { PredictionType } from './scheduler-config.ts';

/**
 * What a model's output says of the clean picture and of the noise. A model is shown the latent as
 *
 *     x = signal * x0 + noise * eps,   signal^2 = alphaBar,   signal^2 + noise^2 = 1,
 *
 * and answers with eps itself (`epsilon`), or with v = signal * eps - noise * x0 (`v_prediction`: Salimans, Ho, "Progressive
 * Distillation" (2022), appendix D; arxiv.org/abs/2202.00512). Either way x0 and eps are weighted sums of the latent and the output;
 * these are the weights.
 */
export interface PredictionWeights {
  readonly x0: LatentAndOutput;
  readonly eps: LatentAndOutput;
}

export interface LatentAndOutput {
  readonly latent: number;
  readonly output: number;
}

/** `alphaBar` lies strictly between 0 and 1. */
export function predictionWeights(type: PredictionType, alphaBar: number): PredictionWeights {
  const signal = Math.sqrt(alphaBar);
  const noise = Math.sqrt(1 - alphaBar);
  switch (type) {
    case 'epsilon':
      return { x0: { latent: 1 / signal, output: -noise / signal }, eps: { latent: 0, output: 1 } };
    case 'v_prediction':
      return { x0: { latent: signal, output: -noise }, eps: { latent: noise, output: signal } };
  }
}
