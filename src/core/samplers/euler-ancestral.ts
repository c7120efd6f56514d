import { estimates } from '../schedule/prediction.ts';
import { weightedSum } from '../tensor/weighted-sum.ts';
import type { Sampler } from './sampler.ts';
import { callAt, levelsOf, oneEach, startAt } from './sigma-frame.ts';

/**
 * Euler's method that goes down too far at each step, to a level sigmaDown, and comes back up with fresh noise of the level sigmaUp,
 * so that the two make the next level: sigmaDown^2 + sigmaUp^2 = next^2, in the shares of ancestral sampling.
 * Crowson: k-diffusion, `sample_euler_ancestral` (2022); the shares are DDPM's, Ho et al. (2020), eq. 7; arxiv.org/abs/2006.11239.
 *
 * Ignores a checkpoint's spacing over sigma, as diffusers' class does.
 */
export const eulerAncestral: Sampler = {
  name: 'euler-ancestral',
  evaluations: (config, steps) => oneEach(levelsOf(config, steps)),
  start: (noise, config, steps) => startAt(levelsOf(config, steps)[0], noise, config),

  *sample(latent, config, steps, drawNoise) {
    const levels = levelsOf(config, steps);
    let x = latent;
    for (const [step, { timestep, sigma }] of levels.entries()) {
      const call = callAt({ index: step, step, timestep }, sigma, x);
      const { x0, eps } = estimates(config.predictionType, call, yield call);
      const next = levels[step + 1]?.sigma ?? 0;
      const sigmaDown = next ** 2 / sigma;
      const sigmaUp = Math.sqrt(next ** 2 - sigmaDown ** 2);
      x = weightedSum([1, x0], [sigmaDown, eps], [sigmaUp, drawNoise()]);
    }
    return x;
  },
};
