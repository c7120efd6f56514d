import { assert } from '../assert.ts';
import type { Evaluation } from '../composition/method.ts';
import { roundHalfToEven } from '../round-half-to-even.ts';
import { alphaBars } from '../schedule/alpha-bar.ts';
import { predictionWeights } from '../schedule/prediction.ts';
import type { SchedulerConfig } from '../schedule/scheduler-config.ts';
import { spacedTimesteps } from '../schedule/timesteps.ts';
import { weightedSum } from '../tensor/weighted-sum.ts';
import type { Sampler } from './sampler.ts';

/**
 * DDIM without fresh noise (eta = 0): take the predicted x0 and eps, and mix them again at the next, lower noise level.
 * Song, Meng, Ermon: "Denoising Diffusion Implicit Models" (2020), eq. 12; arxiv.org/abs/2010.02502.
 */
export const ddim: Sampler = {
  name: 'ddim',
  evaluations,
  start: (noise) => noise,

  *sample(latent, config, steps) {
    const alphaBar = alphaBars(config);
    let x = latent;
    for (const evaluation of evaluations(config, steps)) {
      const output = yield { evaluation, input: x };
      const here = alphaBar[evaluation.timestep];
      assert(here !== undefined, `timestep ${evaluation.timestep} is outside of the schedule`);
      const next = alphaBar[evaluation.timestep - stride(config, steps)] ?? lastAlphaBar(alphaBar, config);

      const { x0, eps } = predictionWeights(config.predictionType, here);
      const signal = Math.sqrt(next);
      const noise = Math.sqrt(1 - next);
      x = weightedSum([signal * x0.latent + noise * eps.latent, x], [signal * x0.output + noise * eps.output, output]);
    }
    return x;
  },
};

function evaluations(config: SchedulerConfig, steps: number): Evaluation[] {
  const spacing = config.timestepSpacing ?? 'leading';
  return spacedTimesteps({ ...config, spacing, steps }).map((timestep, index) => ({
    index,
    step: index,
    timestep: roundHalfToEven(timestep),
  }));
}

/** Timesteps down to the next noise level. Diffusers takes this, and not the next timestep, which `trailing` rounds otherwise. */
function stride(config: SchedulerConfig, steps: number): number {
  return Math.floor(config.trainTimestepCount / steps);
}

/** The noise level below timestep 0. */
function lastAlphaBar(alphaBar: Float32Array, config: SchedulerConfig): number {
  return config.setAlphaToOne ? 1 : (alphaBar[0] ?? 1);
}
