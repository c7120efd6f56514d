import { expect, test } from 'vitest';
import { eulerAncestral } from '../../../../src/core/samplers/euler-ancestral.ts';
import { sigmaAt, trainedSigmas } from '../../../../src/core/schedule/sigmas.ts';
import type { Tensor } from '../../../../src/core/tensor/tensor.ts';
import { sd15Scheduler } from '../../../support/sd15-scheduler.ts';

const value = (number: number): Tensor => ({ data: Float32Array.of(number), dims: [1] });

/** Runs 5 steps on a model that answers with the noise `eps`; returns what it was shown in the frame x = x0 + sigma * eps. */
function run(eps: number, drawNoise: () => Tensor): number[] {
  const shown: number[] = [];
  const trajectory = eulerAncestral.sample(value(0), sd15Scheduler, 5, drawNoise);
  let call = trajectory.next();
  while (!call.done) {
    shown.push((call.value.input.data[0] ?? Number.NaN) / Math.sqrt(call.value.alphaBar));
    call = trajectory.next(value(eps));
  }
  return [...shown, call.value.data[0] ?? Number.NaN];
}

test('noise is drawn once a step, the last included, whose noise has no effect', () => {
  let draws = 0;
  const [one, other] = [1, 100].map((last) => {
    draws = 0;
    return run(0, () => value(++draws === 5 ? last : 1));
  });
  expect(draws).toBe(5);
  expect(one).toEqual(other);
});

test('the noise that is left and the noise that comes make up the next level', () => {
  const trained = trainedSigmas(sd15Scheduler);
  const [from, to] = [sigmaAt(999, trained), sigmaAt(749.25, trained)];
  const left = from + (run(1, () => value(0))[1] ?? Number.NaN);
  const come = run(0, () => value(1))[1] ?? Number.NaN;
  expect(Math.hypot(left, come)).toBeCloseTo(to, 5);
  expect(left / to).toBeCloseTo(to / from, 5);
});
