import type { Evaluation } from '../composition/method.ts';
import type { SchedulerConfig } from '../schedule/scheduler-config.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { SamplerName } from './names.ts';

/**
 * The interface of every sampler: how noise becomes a latent, given somebody who runs the model. A sampler is a generator, so that
 * one that looks at the model twice in a step, or remembers earlier outputs, reads like its paper; it never sees guidance, LoRAs or
 * passes. `core/denoise.ts` drives it.
 */
export interface Sampler {
  readonly name: SamplerName;
  /** Every model evaluation of a trajectory, in order; timesteps never rise. `steps` is 1 or more. */
  evaluations(config: SchedulerConfig, steps: number): readonly Evaluation[];
  /** The latent to start from: standard normal noise, scaled to the sampler's first noise level. */
  start(noise: Tensor, config: SchedulerConfig, steps: number): Tensor;
  /**
   * Yields one call for each of `evaluations`, takes the guided model output for it, and returns the finished latent. `drawNoise`
   * gives fresh standard normal noise of the latent's shape; a sampler that adds some draws once a step, the last included, so that
   * the draws of a seed mean what they mean in diffusers.
   */
  sample(
    latent: Tensor,
    config: SchedulerConfig,
    steps: number,
    drawNoise: () => Tensor,
  ): Generator<SamplerCall, Tensor, Tensor>;
}

export interface SamplerCall {
  readonly evaluation: Evaluation;
  /** The latent as the model wants it: scaled to unit variance, whatever frame the sampler works in. */
  readonly input: Tensor;
  /** How much of the picture the input holds: input = sqrt(alphaBar) * x0 + sqrt(1 - alphaBar) * eps. */
  readonly alphaBar: number;
}
