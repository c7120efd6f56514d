import { assert } from '../assert.ts';
import type { Evaluation } from '../composition/method.ts';
import { predictionWeights } from '../schedule/prediction.ts';
import type { SchedulerConfig } from '../schedule/scheduler-config.ts';
import { sigmasAt } from '../schedule/sigmas.ts';
import { spacedTimesteps } from '../schedule/timesteps.ts';
import { weightedSum } from '../tensor/weighted-sum.ts';
import type { Sampler } from './sampler.ts';

/**
 * Euler's method on the probability-flow equation dx / dsigma = eps, where x = x0 + sigma * eps.
 * Karras et al.: "Elucidating the Design Space of Diffusion-Based Generative Models" (2022), algorithm 2 without its churn;
 * arxiv.org/abs/2206.00364. Differs from `ddim` in where the noise levels lie and in the size of the first latent.
 */
export const euler: Sampler = {
  name: 'euler',
  evaluations,

  start(noise, config, steps) {
    const [sigma = 0] = sigmas(config, steps);
    // `leading` does not begin at the last training timestep, so there the picture's own variance of 1 is added.
    return weightedSum([spacingOf(config) === 'leading' ? Math.hypot(sigma, 1) : sigma, noise]);
  },

  *sample(latent, config, steps) {
    const sigma = sigmas(config, steps);
    let x = latent;
    for (const evaluation of evaluations(config, steps)) {
      const here = sigma[evaluation.index];
      const next = sigma[evaluation.index + 1];
      assert(here !== undefined && next !== undefined, `no sigma for evaluation ${evaluation.index}`);
      const alphaBar = 1 / (here ** 2 + 1);

      const input = weightedSum([Math.sqrt(alphaBar), x]);
      const output = yield { evaluation, input };
      const { eps } = predictionWeights(config.predictionType, alphaBar);
      x = weightedSum([1, x], [(next - here) * eps.latent, input], [(next - here) * eps.output, output]);
    }
    return x;
  },
};

function evaluations(config: SchedulerConfig, steps: number): Evaluation[] {
  return timesteps(config, steps).map((timestep, index) => ({ index, step: index, timestep }));
}

function sigmas(config: SchedulerConfig, steps: number): number[] {
  return sigmasAt(timesteps(config, steps), config);
}

function timesteps(config: SchedulerConfig, steps: number): number[] {
  return spacedTimesteps({ ...config, spacing: spacingOf(config), steps });
}

function spacingOf(config: SchedulerConfig) {
  return config.timestepSpacing ?? 'linspace';
}
