import { roundHalfToEven } from '../round-half-to-even.ts';
import { levelsAt, type NoiseLevel, respacedLevels } from '../schedule/noise-levels.ts';
import { estimates } from '../schedule/prediction.ts';
import type { SchedulerConfig } from '../schedule/scheduler-config.ts';
import { spacedTimesteps } from '../schedule/timesteps.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { weightedSum } from '../tensor/weighted-sum.ts';
import type { Sampler } from './sampler.ts';
import { callAt, oneEach } from './sigma-frame.ts';

/**
 * DPM-Solver++ 2M, the multistep method of second order: integrates the predicted x0 over lambda = -log(sigma), and takes its slope
 * from the step before, so that it needs one evaluation a step. Lu et al.: "DPM-Solver++" (2022), algorithm 2; arxiv.org/abs/2211.01095.
 * Written in the frame x = x0 + sigma * eps, where the paper's alpha is 1.
 *
 * As diffusers' DPMSolverMultistepScheduler with its defaults (order 2, midpoint): the first step, with none before it, and the
 * last, to sigma 0 and so over an infinite lambda, are of first order.
 */
export const dpmpp2m: Sampler = {
  name: 'dpmpp-2m',
  evaluations: (config, steps) => oneEach(levelsOf(config, steps)),
  start: (noise, config, steps) => weightedSum([Math.hypot(levelsOf(config, steps)[0]?.sigma ?? 0, 1), noise]),

  *sample(latent, config, steps) {
    const levels = levelsOf(config, steps);
    let x = latent;
    let before: Tensor | undefined;
    for (const [step, { timestep, sigma }] of levels.entries()) {
      const call = callAt({ index: step, step, timestep }, sigma, x);
      const { x0 } = estimates(config.predictionType, call, yield call);
      const next = levels[step + 1]?.sigma ?? 0;
      const last = levels[step - 1]?.sigma;
      // 1 / (2 r) of the paper: this step over twice the one before, both in lambda.
      const bend = last === undefined || next === 0 ? 0 : Math.log(sigma / next) / (2 * Math.log(last / sigma));
      const toPicture = 1 - next / sigma;
      x = weightedSum([next / sigma, x], [toPicture * (1 + bend), x0], [-toPicture * bend, before ?? x0]);
      before = x0;
    }
    return x;
  },
};

/** Diffusers' class differs from its Euler classes: it spaces one level more and drops the cleanest, and its timesteps are whole. */
function levelsOf(config: SchedulerConfig, steps: number): readonly NoiseLevel[] {
  const { sigmaSpacing, trainTimestepCount } = config;
  if (sigmaSpacing === null) return levelsAt(timesteps(config, steps), config);
  // Respaced, it takes all levels that there are, and rounds timesteps under Karras's spacing but cuts them off under the other.
  const whole = sigmaSpacing === 'karras' ? roundHalfToEven : Math.floor;
  const levels = respacedLevels({ from: trainTimestepCount - 1, to: 0, steps }, sigmaSpacing, config);
  return levels.map(({ timestep, sigma }) => ({ timestep: whole(timestep), sigma }));
}

function timesteps(config: SchedulerConfig, steps: number): readonly number[] {
  const spacing = config.timestepSpacing ?? 'linspace';
  if (spacing === 'trailing') return spacedTimesteps({ ...config, spacing, steps });
  return spacedTimesteps({ ...config, spacing, steps: steps + 1 })
    .slice(0, -1)
    .map(roundHalfToEven);
}
