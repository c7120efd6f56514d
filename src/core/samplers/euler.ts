import { estimates } from '../schedule/prediction.ts';
import { weightedSum } from '../tensor/weighted-sum.ts';
import type { Sampler } from './sampler.ts';
import { callAt, oneEach, respacedLevelsOf, startAt } from './sigma-frame.ts';

/**
 * Euler's method on the probability-flow equation dx / dsigma = eps, where x = x0 + sigma * eps.
 * Karras et al.: "Elucidating the Design Space of Diffusion-Based Generative Models" (2022), algorithm 2 without its churn;
 * arxiv.org/abs/2206.00364. Differs from `ddim` in where the noise levels lie and in the size of the first latent.
 */
export const euler: Sampler = {
  name: 'euler',
  evaluations: (config, steps) => oneEach(respacedLevelsOf(config, steps)),
  start: (noise, config, steps) => startAt(respacedLevelsOf(config, steps)[0], noise, config),

  *sample(latent, config, steps) {
    const levels = respacedLevelsOf(config, steps);
    let x = latent;
    for (const [step, { timestep, sigma }] of levels.entries()) {
      const call = callAt({ index: step, step, timestep }, sigma, x);
      const { x0, eps } = estimates(config.predictionType, call, yield call);
      // x + (next - sigma) * eps, without taking a large sigma away from itself.
      x = weightedSum([1, x0], [levels[step + 1]?.sigma ?? 0, eps]);
    }
    return x;
  },
};
