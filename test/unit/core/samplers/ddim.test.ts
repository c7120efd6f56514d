import { expect, test } from 'vitest';
import { assert } from '../../../../src/core/assert.ts';
import { ddim } from '../../../../src/core/samplers/ddim.ts';
import type { Tensor } from '../../../../src/core/tensor/tensor.ts';
import { sd15Scheduler } from '../../../support/sd15-scheduler.ts';

const noNoise = (): Tensor => expect.unreachable('ddim adds no noise');
const value = (number: number): Tensor => ({ data: Float32Array.of(number), dims: [1] });

test('timesteps are whole where the spacing is not, halves to even', () => {
  const evaluations = ddim.evaluations({ ...sd15Scheduler, timestepSpacing: 'linspace' }, 7);
  expect(evaluations.map(({ timestep }) => timestep)).toEqual([999, 832, 666, 500, 333, 166, 0]);
});

test('a checkpoint without a spacing gets leading', () => {
  expect(ddim.evaluations(sd15Scheduler, 20)).toEqual(
    ddim.evaluations({ ...sd15Scheduler, timestepSpacing: 'leading' }, 20),
  );
});

test('the first latent is the noise itself', () => {
  const noise = value(0.5);
  expect(ddim.start(noise, sd15Scheduler, 20)).toBe(noise);
});

test('the last step goes to a clean picture only where the checkpoint says so', () => {
  const finishedWith = (setAlphaToOne: boolean): number => {
    const trajectory = ddim.sample(value(0.8), { ...sd15Scheduler, setAlphaToOne }, 1, noNoise);
    trajectory.next();
    const finished = trajectory.next(value(0.6));
    assert(finished.done, 'one step is one evaluation');
    return finished.value.data[0] ?? Number.NaN;
  };
  // One step by leading is at timestep 1. alphaBar[0] = 0.99914998, alphaBar[1] = 0.99829602.
  const x0 = (0.8 - Math.sqrt(1 - 0.9982960224) * 0.6) / Math.sqrt(0.9982960224);
  expect(finishedWith(true)).toBeCloseTo(x0, 6);
  expect(finishedWith(false)).toBeCloseTo(Math.sqrt(0.9991499782) * x0 + Math.sqrt(1 - 0.9991499782) * 0.6, 6);
});

test('a timestep outside of the schedule is refused', () => {
  const trajectory = ddim.sample(value(0), { ...sd15Scheduler, stepsOffset: 1000 }, 1, noNoise);
  expect(() => trajectory.next()).toThrow('timestep 1000 is outside of the schedule');
});
