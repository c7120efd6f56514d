import { assert } from '../assert.ts';
import { roundHalfToEven } from '../round-half-to-even.ts';
import type { TimestepSpacing } from './scheduler-config.ts';

/**
 * Which training timesteps a trajectory of `steps` steps visits, from the noisiest to the cleanest, under the three spacings of
 * diffusers. Lin et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed" (2023), table 2; arxiv.org/abs/2305.08891.
 *
 * With 1000 timesteps and 4 steps: leading 750 500 250 0, trailing 999 749 499 249, linspace 999 666 333 0.
 */
export function spacedTimesteps(options: {
  readonly spacing: TimestepSpacing;
  readonly trainTimestepCount: number;
  /** Added to every timestep of `leading`; the other spacings have no use for it. */
  readonly stepsOffset: number;
  readonly steps: number;
}): number[] {
  const { spacing, trainTimestepCount, stepsOffset, steps } = options;
  assert(steps >= 1 && steps <= trainTimestepCount, `steps is ${steps}; must be 1 to ${trainTimestepCount}`);
  const indices = Array.from({ length: steps }, (_, index) => index);
  switch (spacing) {
    case 'leading': {
      const stride = Math.floor(trainTimestepCount / steps);
      return indices.map((index) => (steps - 1 - index) * stride + stepsOffset);
    }
    case 'trailing': {
      // Diffusers lists one timestep too many, -1, at 61, 103, 121 and 122 steps, where its division is inexact. Not so here.
      const stride = trainTimestepCount / steps;
      return indices.map((index) => roundHalfToEven(trainTimestepCount - index * stride) - 1);
    }
    case 'linspace': {
      // Fractional: euler uses it as it is, ddim rounds it. A single step is the cleanest timestep, as in numpy.
      const stride = steps === 1 ? 0 : (trainTimestepCount - 1) / (steps - 1);
      return indices.map((index) => (steps - 1 - index) * stride);
    }
  }
}
