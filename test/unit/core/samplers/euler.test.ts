import { expect, test } from 'vitest';
import { euler } from '../../../../src/core/samplers/euler.ts';
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
