import { assert } from '../assert.ts';
import { alphaBars } from './alpha-bar.ts';
import type { SchedulerConfig } from './scheduler-config.ts';

/**
 * Noise levels in the frame where noise is added to the picture without shrinking it: x = x0 + sigma * eps, and
 * sigma^2 = (1 - alphaBar) / alphaBar. Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models" (2022).
 *
 * One sigma for each timestep, which may be fractional, and a last one, 0: the finished picture.
 */
export function sigmasAt(timesteps: readonly number[], config: SchedulerConfig): number[] {
  const trained = alphaBars(config).map((alphaBar) => Math.sqrt((1 - alphaBar) / alphaBar));
  return [...timesteps.map((timestep) => interpolate(trained, timestep)), 0];
}

/** Linear between neighbours; what lies past an end takes the value of that end. */
function interpolate(values: Float32Array, position: number): number {
  const below = Math.min(Math.floor(position), values.length - 1);
  const above = Math.min(below + 1, values.length - 1);
  const low = values[below];
  const high = values[above];
  assert(low !== undefined && high !== undefined, `timestep ${position} is below 0`);
  return low + (high - low) * (position - below);
}
