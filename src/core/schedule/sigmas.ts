import { assert } from '../assert.ts';
import { alphaBars } from './alpha-bar.ts';
import type { SchedulerConfig } from './scheduler-config.ts';

/**
 * Noise levels in the frame where noise is added to the picture without shrinking it: x = x0 + sigma * eps, and
 * sigma^2 = (1 - alphaBar) / alphaBar. Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models" (2022).
 */

/** What alphaBar = 0 is taken for, since its sigma is infinite: the smallest float16, as in diffusers, so that sigma is 4096. */
const ALMOST_NO_PICTURE = 2 ** -24;

/** The sigma of each training timestep, rising. */
export function trainedSigmas(config: SchedulerConfig): Float32Array {
  return alphaBars(config).map((alphaBar) => {
    const some = alphaBar === 0 ? ALMOST_NO_PICTURE : alphaBar;
    return Math.sqrt((1 - some) / some);
  });
}

/** The sigma of a timestep, which may be fractional: linear between neighbours, and past the last timestep that of the last. */
export function sigmaAt(timestep: number, trained: Float32Array): number {
  const below = Math.min(Math.floor(timestep), trained.length - 1);
  const above = Math.min(below + 1, trained.length - 1);
  const low = trained[below];
  const high = trained[above];
  assert(low !== undefined && high !== undefined, `timestep ${timestep} is below 0`);
  return low + (high - low) * (timestep - below);
}

/** The timesteps of sigmas, fractional: linear in log sigma between neighbours, and past an end that of the end. */
export function timestepsAt(sigmas: readonly number[], trained: Float32Array): number[] {
  // In float32, because a sigma taken from the table must lie on the same side of its entry as in diffusers, whose dpmpp-2m cuts the
  // fraction off.
  const logs = trained.map(Math.log);
  return sigmas.map((sigma) => {
    const logSigma = Math.log(sigma);
    const below = Math.min(
      Math.max(
        logs.findLastIndex((log) => log <= logSigma),
        0,
      ),
      logs.length - 2,
    );
    const [low = 0, high = 0] = logs.subarray(below, below + 2);
    return below + Math.min(Math.max((logSigma - low) / (high - low), 0), 1);
  });
}
