import type { Evaluation } from '../composition/method.ts';
import { levelsAt, type NoiseLevel, respacedLevels } from '../schedule/noise-levels.ts';
import type { SchedulerConfig } from '../schedule/scheduler-config.ts';
import { spacedTimesteps } from '../schedule/timesteps.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { weightedSum } from '../tensor/weighted-sum.ts';
import type { SamplerCall } from './sampler.ts';

/**
 * What the samplers share that work in the frame x = x0 + sigma * eps, where noise is added to a picture that does not shrink, as
 * k-diffusion and diffusers' Euler and Heun classes do.
 */

/** The levels of such a sampler, by the spacing that the checkpoint names; `linspace` where it names none. */
export function levelsOf(config: SchedulerConfig, steps: number): readonly NoiseLevel[] {
  return levelsAt(spacedTimesteps({ ...config, spacing: spacingOf(config), steps }), config);
}

/** The same, spaced over sigma where the checkpoint says so: from the first of those levels to the last. */
export function respacedLevelsOf(config: SchedulerConfig, steps: number): readonly NoiseLevel[] {
  const levels = levelsOf(config, steps);
  const [from, to] = [levels[0], levels.at(-1)];
  if (config.sigmaSpacing === null || from === undefined || to === undefined) return levels;
  return respacedLevels({ from: from.timestep, to: to.timestep, steps }, config.sigmaSpacing, config);
}

/** Noise at a trajectory's first level. */
export function startAt(level: NoiseLevel | undefined, noise: Tensor, config: SchedulerConfig): Tensor {
  const sigma = level?.sigma ?? 0;
  // `leading` does not begin at the last training timestep, so there the picture's own variance of 1 is added.
  return weightedSum([spacingOf(config) === 'leading' ? Math.hypot(sigma, 1) : sigma, noise]);
}

/** Shows the model a latent of this frame. */
export function callAt(evaluation: Evaluation, sigma: number, x: Tensor): SamplerCall {
  const alphaBar = 1 / (sigma ** 2 + 1);
  return { evaluation, input: weightedSum([Math.sqrt(alphaBar), x]), alphaBar };
}

/** One evaluation a step. */
export function oneEach(levels: readonly NoiseLevel[]): readonly Evaluation[] {
  return levels.map(({ timestep }, index) => ({ index, step: index, timestep }));
}

function spacingOf(config: SchedulerConfig) {
  return config.timestepSpacing ?? 'linspace';
}
