import { assert } from '../assert.ts';
import type { Evaluation } from '../composition/method.ts';
import { roundHalfToEven } from '../round-half-to-even.ts';
import { alphaBars } from '../schedule/alpha-bar.ts';
import { estimates } from '../schedule/prediction.ts';
import type { SchedulerConfig } from '../schedule/scheduler-config.ts';
import { spacedTimesteps } from '../schedule/timesteps.ts';
import { weightedSum } from '../tensor/weighted-sum.ts';
import type { Sampler } from './sampler.ts';

/**
 * DDIM without fresh noise (eta = 0): take the predicted x0 and eps, and mix them again at the next, lower noise level.
 * Song, Meng, Ermon: "Denoising Diffusion Implicit Models" (2020), eq. 12; arxiv.org/abs/2010.02502.
 *
 * Ignores a checkpoint's spacing over sigma, as diffusers' class does.
 */
export const ddim: Sampler = {
  name: 'ddim',
  evaluations,
  start: (noise) => noise,

  *sample(latent, config, steps) {
    const trained = alphaBars(config);
    let x = latent;
    for (const evaluation of evaluations(config, steps)) {
      const alphaBar = trained[evaluation.timestep];
      assert(alphaBar !== undefined, `timestep ${evaluation.timestep} is outside of the schedule`);
      const call = { evaluation, input: x, alphaBar };
      const { x0, eps } = estimates(config.predictionType, call, yield call);
      const next = trained[evaluation.timestep - stride(config, steps)] ?? lastAlphaBar(trained, config);
      x = weightedSum([Math.sqrt(next), x0], [Math.sqrt(1 - next), eps]);
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
