import { estimates } from '../schedule/prediction.ts';
import { weightedSum } from '../tensor/weighted-sum.ts';
import type { Sampler } from './sampler.ts';
import { callAt, respacedLevelsOf, startAt } from './sigma-frame.ts';

/**
 * Heun's method on dx / dsigma = eps: an Euler step, a second look at the model where it arrives, and the step again with the mean of
 * both slopes. Karras et al. (2022), algorithm 1; arxiv.org/abs/2206.00364. The last step ends at sigma 0, where there is no slope to
 * look at, and is Euler's: 2 * steps - 1 evaluations.
 *
 *     step        0     0     1     1   ...   steps - 1
 *     level       0     1     1     2   ...   steps - 1
 */
export const heun: Sampler = {
  name: 'heun',
  start: (noise, config, steps) => startAt(respacedLevelsOf(config, steps)[0], noise, config),

  evaluations(config, steps) {
    return respacedLevelsOf(config, steps).flatMap(({ timestep }, level) => {
      const first = { index: 2 * level, step: level, timestep };
      return level === 0 ? [first] : [{ index: 2 * level - 1, step: level - 1, timestep }, first];
    });
  },

  *sample(latent, config, steps) {
    const levels = respacedLevelsOf(config, steps);
    let x = latent;
    for (const [step, { timestep, sigma }] of levels.entries()) {
      const call = callAt({ index: 2 * step, step, timestep }, sigma, x);
      const { x0, eps } = estimates(config.predictionType, call, yield call);
      const next = levels[step + 1];
      if (next === undefined) return x0;

      const arrival = weightedSum([1, x0], [next.sigma, eps]);
      const second = callAt({ index: 2 * step + 1, step, timestep: next.timestep }, next.sigma, arrival);
      const { eps: epsThere } = estimates(config.predictionType, second, yield second);
      const half = (next.sigma - sigma) / 2;
      x = weightedSum([1, x], [half, eps], [half, epsThere]);
    }
    return x;
  },
};
