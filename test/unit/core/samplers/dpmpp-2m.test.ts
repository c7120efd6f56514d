import { expect, test } from 'vitest';
import { assert } from '../../../../src/core/assert.ts';
import { dpmpp2m } from '../../../../src/core/samplers/dpmpp-2m.ts';
import type { Tensor } from '../../../../src/core/tensor/tensor.ts';
import { sd15Scheduler } from '../../../support/sd15-scheduler.ts';

const value = (number: number): Tensor => ({ data: Float32Array.of(number), dims: [1] });
const noNoise = (): Tensor => expect.unreachable('dpmpp-2m adds no noise');

/** Expected lists are those of DPMSolverMultistepScheduler, diffusers 0.42.1. */
test.each([
  ['linspace', [999, 799, 599, 400, 200]],
  ['leading', [831, 665, 499, 333, 167]],
  ['trailing', [999, 799, 599, 399, 199]],
] as const)('timesteps by %s are whole and do not go down to 0', (timestepSpacing, expected) => {
  const evaluations = dpmpp2m.evaluations({ ...sd15Scheduler, timestepSpacing }, 5);
  expect(evaluations.map(({ timestep }) => timestep)).toEqual(expected);
});

test.each([
  ['karras', [999, 786, 427, 59, 0]],
  ['exponential', [998, 680, 233, 20, 0]],
] as const)(
  'levels spaced by %s go from the noisiest to the cleanest there is, whatever the spacing over time',
  (sigmaSpacing, expected) => {
    for (const timestepSpacing of ['leading', 'trailing'] as const) {
      const evaluations = dpmpp2m.evaluations({ ...sd15Scheduler, sigmaSpacing, timestepSpacing }, 5);
      expect(evaluations.map(({ timestep }) => timestep)).toEqual(expected);
    }
  },
);

test('the last step is of first order: it takes the last picture as it is', () => {
  const trajectory = dpmpp2m.sample(value(3), { ...sd15Scheduler, predictionType: 'sample' }, 3, noNoise);
  trajectory.next();
  trajectory.next(value(0.1));
  trajectory.next(value(0.9));
  const finished = trajectory.next(value(0.5));
  assert(finished.done, 'three steps are three evaluations');
  expect(finished.value.data[0]).toBeCloseTo(0.5, 6);
});
