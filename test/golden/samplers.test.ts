import { describe, expect, test } from 'vitest';
import { assert } from '../../src/core/assert.ts';
import { SAMPLERS } from '../../src/core/samplers/index.ts';
import type { SamplerName } from '../../src/core/samplers/names.ts';
import type { PredictionType, TimestepSpacing } from '../../src/core/schedule/scheduler-config.ts';
import { elementCount, type Tensor } from '../../src/core/tensor/tensor.ts';
import { goldenJson, goldenTensors } from '../support/golden-data.ts';
import { sd15Scheduler } from '../support/sd15-scheduler.ts';

/**
 * Against diffusers' schedulers, fed with the same recorded model outputs. What the model is shown and the finished latent may differ by
 * 1e-4 of their largest value: both sides round to float32 at every step, in different places.
 */

const TOLERANCE = 1e-4;

interface SamplerCase {
  readonly name: string;
  readonly sampler: SamplerName;
  readonly prediction_type: PredictionType;
  readonly timestep_spacing: TimestepSpacing;
  readonly timesteps: readonly number[];
}

const { steps, cases } = goldenJson('samplers.json') as { steps: number; cases: readonly SamplerCase[] };
const expected = goldenTensors('samplers.safetensors');

describe('a sampler replays diffusers', () => {
  test.each(cases.map((entry) => [entry.name, entry] as const))('in %s', (_name, entry) => {
    const sampler = SAMPLERS[entry.sampler];
    const config = {
      ...sd15Scheduler,
      predictionType: entry.prediction_type,
      timestepSpacing: entry.timestep_spacing,
    };
    const outputs = expected('model_outputs');
    const inputs = expected(`${entry.name}/inputs`);
    const latents = expected(`${entry.name}/latents`);

    const trajectory = sampler.sample(sampler.start(expected('noise'), config, steps), config, steps);
    let call = trajectory.next();
    for (const [step, timestep] of entry.timesteps.entries()) {
      assert(!call.done, `the sampler ended before step ${step}`);
      expect(call.value.evaluation.timestep).toBeCloseTo(timestep, 3);
      expect(relativeDeviation(call.value.input, row(inputs, step))).toBeLessThan(TOLERANCE);
      call = trajectory.next(row(outputs, step));
    }
    assert(call.done, 'the sampler asks for more evaluations than diffusers makes');
    expect(relativeDeviation(call.value, row(latents, steps - 1))).toBeLessThan(TOLERANCE);
  });

  test('and the reference has both samplers, predictions and spacings', () => {
    expect(cases).toHaveLength(8);
  });
});

/** One step of a recording: [steps, ...] becomes [...]. */
function row(recording: Tensor, index: number): Tensor {
  const dims = recording.dims.slice(1);
  const size = elementCount(dims);
  return { data: recording.data.subarray(index * size, (index + 1) * size), dims };
}

/** Largest difference, relative to the largest expected value. */
function relativeDeviation(actual: Tensor, wanted: Tensor): number {
  expect(actual.dims).toEqual(wanted.dims);
  const differences = actual.data.map((value, index) => Math.abs(value - (wanted.data[index] ?? Number.NaN)));
  return largest(differences) / largest(wanted.data.map(Math.abs));
}

function largest(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}
