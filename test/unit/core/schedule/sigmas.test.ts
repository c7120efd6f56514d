import { expect, test } from 'vitest';
import { sigmaAt, timestepsAt, trainedSigmas } from '../../../../src/core/schedule/sigmas.ts';
import { sd15Scheduler } from '../../../support/sd15-scheduler.ts';

const trained = trainedSigmas(sd15Scheduler);

test.each([
  [999, 14.614646911621094],
  [749.25, 4.086089611053467],
  [499.5, 1.6155834197998047],
  [249.75, 0.6951509714126587],
  [0, 0.02916753478348255],
])('the sigma at timestep %f is that of EulerDiscreteScheduler', (timestep, sigma) => {
  expect(sigmaAt(timestep, trained)).toBeCloseTo(sigma, 6);
});

test('a timestep past the schedule has the last sigma, and one before it is refused', () => {
  expect(sigmaAt(1000, trained)).toBe(sigmaAt(999, trained));
  expect(() => sigmaAt(-1, trained)).toThrow('timestep -1 is below 0');
});

test('the timestep of a sigma is its place in the schedule, and between two places on their line in log sigma', () => {
  const [low = 0, high = 0] = trained.subarray(500, 502);
  const [place, between] = timestepsAt([low, Math.sqrt(low * high)], trained);
  expect(place).toBeCloseTo(500, 4);
  expect(between).toBeCloseTo(500.5, 4);
});

test('sigmas past an end of the schedule have the timestep of that end', () => {
  expect(timestepsAt([1e6, 1e-6], trained)).toEqual([999, 0]);
});

test('with zero terminal SNR the last sigma is large and not infinite', () => {
  const zeroSnr = trainedSigmas({ ...sd15Scheduler, rescaleBetasZeroSnr: true });
  expect(zeroSnr.at(-1)).toBeCloseTo(4096, 2);
});
