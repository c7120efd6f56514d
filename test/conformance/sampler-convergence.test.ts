import { describe, expect, test } from 'vitest';
import { assert } from '../../src/core/assert.ts';
import { SAMPLERS } from '../../src/core/samplers/index.ts';
import type { SamplerName } from '../../src/core/samplers/names.ts';
import type { Sampler } from '../../src/core/samplers/sampler.ts';
import type { SchedulerConfig } from '../../src/core/schedule/scheduler-config.ts';
import type { Tensor } from '../../src/core/tensor/tensor.ts';
import { sd15Scheduler } from '../support/sd15-scheduler.ts';

/**
 * With more steps, every sampler comes nearer to the truth, and as fast as its theory says. The truth is known for pictures that are
 * normal with mean MEAN and deviation DEVIATION: the best model is linear,
 *
 *     x0(x, sigma) = MEAN + (x - MEAN) * DEVIATION^2 / (DEVIATION^2 + sigma^2)      in the frame x = x0 + sigma * eps,
 *
 * and so is every sampler with it: what it returns is the mean, plus a share of the noise that it started from, plus a share of each
 * noise that it drew. A latent whose cells are each moved by one of these noises alone gives all shares at once, and with them the
 * exact deviation of the pictures that the sampler makes. It starts at the true deviation. For a sampler that draws nothing the only
 * share is the solution of the probability-flow equation, so its error is that against the exact solution.
 */

const MEAN = 0.3;
const DEVIATION = 2;

/** Orders of the methods, in the number of steps. That of ancestral sampling is weak: it is the pictures' distribution that converges. */
const ORDERS: Readonly<Record<SamplerName, number>> = {
  ddim: 1,
  'dpmpp-2m': 2,
  euler: 1,
  'euler-ancestral': 1,
  heun: 2,
};

/** They divide 1000, where diffusers' ddim steps evenly. */
const STEP_COUNTS = [10, 20, 40, 50, 100, 125, 200];

/**
 * Under either spacing over sigma the levels grow denser everywhere. Under those over time they do not close to timestep 0, where
 * log sigma falls by about as much a step, however many steps there are; there dpmpp-2m has its order no longer.
 */
const SPACINGS = ['karras', 'exponential'] as const;

describe.each(Object.entries(SAMPLERS))('%s', (_name, sampler) => {
  test.each(SPACINGS)(
    'converges by its order with levels spaced by %s, where it knows that spacing',
    (sigmaSpacing) => {
      const config = { ...sd15Scheduler, timestepSpacing: 'trailing', setAlphaToOne: true, sigmaSpacing } as const;
      const errors = STEP_COUNTS.map((steps) => {
        const { made, truth } = deviations(sampler, config, steps);
        return Math.abs(made - truth) / truth;
      });
      const order = -slopeOfLogs(STEP_COUNTS, errors);
      expect(order).toBeGreaterThan(ORDERS[sampler.name] - 0.2);
      expect(order).toBeLessThan(ORDERS[sampler.name] + 0.2);
    },
  );
});

/** The deviation of the pictures that the sampler makes, and of those that an exact method would make from the same last level. */
function deviations(sampler: Sampler, config: SchedulerConfig, steps: number): { made: number; truth: number } {
  let draws = 0;
  const unit = (cell: number): Tensor => {
    const data = new Float32Array(steps + 1);
    data[cell] = 1;
    return { data, dims: [steps + 1] };
  };
  const trajectory = sampler.sample(trueStart(sampler, config, unit(0), steps), config, steps, () => unit(++draws));
  let lowest = 1;
  let call = trajectory.next();
  while (!call.done) {
    const { input, alphaBar } = call.value;
    const sigma = Math.sqrt((1 - alphaBar) / alphaBar);
    lowest = Math.min(lowest, sigma);
    const eps = input.data.map((value) => {
      const x = value * Math.hypot(sigma, 1);
      const x0 = MEAN + ((x - MEAN) * DEVIATION ** 2) / (DEVIATION ** 2 + sigma ** 2);
      return (x - x0) / sigma;
    });
    call = trajectory.next({ data: eps, dims: input.dims });
  }
  // Every method ends by taking the model's picture at the lowest level for the truth.
  return {
    made: Math.hypot(...call.value.data.map((value) => value - MEAN)),
    truth: DEVIATION ** 2 / Math.hypot(DEVIATION, lowest),
  };
}

/** The latent for which the model's first input is the mean, plus one deviation of noisy pictures times `noise`. */
function trueStart(sampler: Sampler, config: SchedulerConfig, noise: Tensor, steps: number): Tensor {
  const ones = { ...noise, data: noise.data.map(() => 1) };
  const { value: probe } = sampler.sample(sampler.start(ones, config, steps), config, steps, () => ones).next();
  assert(probe !== undefined && 'input' in probe, 'a sampler looks at the model');
  const [scale = 1] = probe.input.data;
  const [signal, noiseShare] = [Math.sqrt(probe.alphaBar), Math.sqrt(1 - probe.alphaBar)];
  const deviation = Math.hypot(signal * DEVIATION, noiseShare);
  const data = noise.data.map((value) => (signal * MEAN + deviation * value) / scale);
  return sampler.start({ ...noise, data }, config, steps);
}

/** By least squares. */
function slopeOfLogs(xs: readonly number[], ys: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [u, v] = [xs.map(Math.log), ys.map(Math.log)];
  const [uMean, vMean] = [mean(u), mean(v)];
  const covariance = mean(u.map((value, index) => (value - uMean) * ((v[index] ?? 0) - vMean)));
  return covariance / mean(u.map((value) => (value - uMean) ** 2));
}
