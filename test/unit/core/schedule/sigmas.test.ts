import { expect, test } from 'vitest';
import { sigmasAt } from '../../../../src/core/schedule/sigmas.ts';
import { sd15Scheduler } from '../../../support/sd15-scheduler.ts';

test('sigmas between timesteps are those of EulerDiscreteScheduler', () => {
  const expected = [
    14.614646911621094, 4.086089611053467, 1.6155834197998047, 0.6951509714126587, 0.02916753478348255, 0,
  ];
  const sigmas = sigmasAt([999, 749.25, 499.5, 249.75, 0], sd15Scheduler);
  for (const [index, sigma] of sigmas.entries()) expect(sigma).toBeCloseTo(expected[index] ?? Number.NaN, 6);
  expect(sigmas).toHaveLength(expected.length);
});

test('a timestep past the schedule has the last sigma, and one before it is refused', () => {
  expect(sigmasAt([1000], sd15Scheduler)).toEqual(sigmasAt([999], sd15Scheduler));
  expect(() => sigmasAt([-1], sd15Scheduler)).toThrow('timestep -1 is below 0');
});
