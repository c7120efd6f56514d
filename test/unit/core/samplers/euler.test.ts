import { expect, test } from 'vitest';
import { assert } from '../../../../src/core/assert.ts';
import { euler } from '../../../../src/core/samplers/euler.ts';
import { sigmasAt } from '../../../../src/core/schedule/sigmas.ts';
import type { Tensor } from '../../../../src/core/tensor/tensor.ts';
import { sd15Scheduler } from '../../../support/sd15-scheduler.ts';

const value = (number: number): Tensor => ({ data: Float32Array.of(number), dims: [1] });
const numberOf = (tensor: Tensor): number => tensor.data[0] ?? Number.NaN;

test('timesteps are fractional where the spacing is', () => {
  const evaluations = euler.evaluations({ ...sd15Scheduler, timestepSpacing: 'linspace' }, 5);
  expect(evaluations.map(({ timestep }) => timestep)).toEqual([999, 749.25, 499.5, 249.75, 0]);
});

test('a checkpoint without a spacing gets linspace', () => {
  expect(euler.evaluations(sd15Scheduler, 20)).toEqual(
    euler.evaluations({ ...sd15Scheduler, timestepSpacing: 'linspace' }, 20),
  );
});

test.each([
  ['leading', 4.236413955688477],
  ['trailing', 14.614646911621094],
  ['linspace', 14.614646911621094],
] as const)('the first latent of 4 steps by %s is noise times the init_noise_sigma of diffusers', (spacing, sigma) => {
  const start = euler.start(value(1), { ...sd15Scheduler, timestepSpacing: spacing }, 4);
  expect(numberOf(start)).toBeCloseTo(sigma, 5);
});

test('the error falls with the number of steps, as that of a method of first order', () => {
  const [few, twice, fourTimes] = [10, 20, 40].map(errorForGaussianPictures);
  assert(few !== undefined && twice !== undefined && fourTimes !== undefined, 'three errors');
  expect(few / twice).toBeGreaterThan(1.6);
  expect(twice / fourTimes).toBeGreaterThan(1.6);
});

/**
 * For pictures that are normal with deviation s the best model is known, eps = sigma * x / (s^2 + sigma^2), and so is the solution:
 * x(0) = x(sigma) * s / sqrt(s^2 + sigma^2). With s well above the lowest sigma, the last jump to 0 does not count.
 */
function errorForGaussianPictures(steps: number): number {
  const config = { ...sd15Scheduler, timestepSpacing: 'linspace' } as const;
  const [s, start] = [2, 10];
  const sigmas = sigmasAt(
    euler.evaluations(config, steps).map(({ timestep }) => timestep),
    config,
  );
  const trajectory = euler.sample(value(start), config, steps);
  let call = trajectory.next();
  while (!call.done) {
    const sigma = sigmas[call.value.evaluation.index] ?? Number.NaN;
    const x = numberOf(call.value.input) * Math.hypot(sigma, 1);
    call = trajectory.next(value((sigma * x) / (s ** 2 + sigma ** 2)));
  }
  const exact = (start * s) / Math.hypot(s, sigmas[0] ?? Number.NaN);
  return Math.abs(numberOf(call.value) - exact);
}
