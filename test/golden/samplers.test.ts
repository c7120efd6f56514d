import { describe, expect, test } from 'vitest';
import { parseSchedulerConfig } from '../../src/compiler/configs/scheduler-config.ts';
import { assert } from '../../src/core/assert.ts';
import { SAMPLERS } from '../../src/core/samplers/index.ts';
import { SAMPLER_NAMES, type SamplerName } from '../../src/core/samplers/names.ts';
import { elementCount, type Tensor } from '../../src/core/tensor/tensor.ts';
import { goldenJson, goldenTensors } from '../support/golden-data.ts';

/**
 * Against diffusers' schedulers, fed with the same recorded model outputs and step noises. What the model is shown and the finished
 * latent may differ by 1e-4 of their largest value: both sides round to float32 at every step, in different places.
 */

const TOLERANCE = 1e-4;

interface SamplerCase {
  readonly name: string;
  readonly sampler: SamplerName;
  /** What the case changes in the config, under diffusers' names. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly timesteps: readonly number[];
}

const golden = goldenJson('samplers.json') as {
  steps: number;
  config: Readonly<Record<string, unknown>>;
  cases: readonly SamplerCase[];
};
const { steps, cases } = golden;
const expected = goldenTensors('samplers.safetensors');

describe('a sampler replays diffusers', () => {
  test.each(cases.map((entry) => [entry.name, entry] as const))('in %s', (_name, entry) => {
    const sampler = SAMPLERS[entry.sampler];
    const scheduler = { ...golden.config, ...entry.config, _class_name: 'DDIMScheduler' };
    const { value: config, problems } = parseSchedulerConfig(scheduler, 'scheduler_config.json');
    expect(problems).toEqual([]);
    const outputs = expected('model_outputs');
    const inputs = expected(`${entry.name}/inputs`);
    let drawn = 0;
    const drawNoise = (): Tensor => row(expected('step_noises'), drawn++);

    const trajectory = sampler.sample(sampler.start(expected('noise'), config, steps), config, steps, drawNoise);
    let call = trajectory.next();
    for (const [index, timestep] of entry.timesteps.entries()) {
      assert(!call.done, `the sampler ended before evaluation ${index}`);
      expect(call.value.evaluation.timestep).toBeCloseTo(timestep, 3);
      expect(relativeDeviation(call.value.input, row(inputs, index))).toBeLessThan(TOLERANCE);
      call = trajectory.next(row(outputs, index));
    }
    assert(call.done, 'the sampler asks for more evaluations than diffusers makes');
    expect(relativeDeviation(call.value, expected(`${entry.name}/final`))).toBeLessThan(TOLERANCE);
  });

  test('and the reference has every sampler with every prediction and spacing', () => {
    const combinations = cases.map(
      ({ sampler, config }) => `${sampler} ${config.prediction_type} ${config.timestep_spacing}`,
    );
    expect(new Set(combinations).size).toBe(SAMPLER_NAMES.length * 3 * 3);
    expect(cases.filter(({ config }) => config.use_karras_sigmas || config.use_exponential_sigmas)).toHaveLength(18);
    expect(cases.filter(({ config }) => config.rescale_betas_zero_snr)).toHaveLength(16);
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
