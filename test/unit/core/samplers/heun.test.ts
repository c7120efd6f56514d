import { expect, test } from 'vitest';
import { assert } from '../../../../src/core/assert.ts';
import { heun } from '../../../../src/core/samplers/heun.ts';
import type { Tensor } from '../../../../src/core/tensor/tensor.ts';
import { sd15Scheduler } from '../../../support/sd15-scheduler.ts';

const value = (number: number): Tensor => ({ data: Float32Array.of(number), dims: [1] });
const noNoise = (): Tensor => expect.unreachable('heun adds no noise');

test('each step looks at its own level and at the next, the last one at its own alone', () => {
  expect(heun.evaluations(sd15Scheduler, 4)).toEqual([
    { index: 0, step: 0, timestep: 999 },
    { index: 1, step: 0, timestep: 666 },
    { index: 2, step: 1, timestep: 666 },
    { index: 3, step: 1, timestep: 333 },
    { index: 4, step: 2, timestep: 333 },
    { index: 5, step: 2, timestep: 0 },
    { index: 6, step: 3, timestep: 0 },
  ]);
});

test('a step goes by the mean of its two slopes', () => {
  // Two steps by linspace: from sigma 14.6146469 at timestep 999 to 0.0291675 at timestep 0, and from there to 0.
  const [from, to] = [14.614646911621094, 0.02916753478348255];
  const trajectory = heun.sample(value(10), sd15Scheduler, 2, noNoise);
  trajectory.next();
  trajectory.next(value(0.5));
  const third = trajectory.next(value(0.7));
  assert(!third.done, 'two steps are three evaluations');
  const x = 10 + (to - from) * 0.6;
  expect(third.value.input.data[0]).toBeCloseTo(x / Math.hypot(to, 1), 4);
  const finished = trajectory.next(value(0.2));
  assert(finished.done, 'two steps are three evaluations');
  expect(finished.value.data[0]).toBeCloseTo(x - to * 0.2, 4);
});
