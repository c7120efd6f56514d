import { expect, test } from 'vitest';
import { parseSchedulerConfig } from '../../../../src/compiler/configs/scheduler-config.ts';
import { sd15Scheduler } from '../../../support/sd15-scheduler.ts';

/** Stable Diffusion 1.5's scheduler_config.json, as published. */
const SD15 = {
  _class_name: 'PNDMScheduler',
  _diffusers_version: '0.6.0',
  beta_end: 0.012,
  beta_schedule: 'scaled_linear',
  beta_start: 0.00085,
  num_train_timesteps: 1000,
  set_alpha_to_one: false,
  skip_prk_steps: true,
  steps_offset: 1,
  trained_betas: null,
  clip_sample: false,
};

const parse = (changes: Record<string, unknown>) => parseSchedulerConfig({ ...SD15, ...changes }, 'scheduler.json');

test("Stable Diffusion 1.5's own config is understood", () => {
  expect(parse({})).toEqual({ value: sd15Scheduler, problems: [] });
});

test('defaults are those of the class that the file names', () => {
  const ddim = parseSchedulerConfig({ _class_name: 'DDIMScheduler', clip_sample: false }, 'scheduler.json');
  expect(ddim.problems).toEqual([]);
  expect(ddim.value).toMatchObject({ setAlphaToOne: true, betaStart: 0.0001, betaEnd: 0.02, betaSchedule: 'linear' });
  expect(parseSchedulerConfig({ _class_name: 'PNDMScheduler' }, 'scheduler.json').value.setAlphaToOne).toBe(false);
  expect(parse({ _class_name: 'EulerDiscreteScheduler' }).value.defaultSampler).toBe('euler');
});

test.each([
  [{ _class_name: 'FlowMatchEulerDiscreteScheduler' }, '_class_name is "FlowMatchEulerDiscreteScheduler"'],
  [{ prediction_type: 'sample' }, 'prediction_type is "sample"; must be "epsilon" or "v_prediction"'],
  [{ beta_schedule: 'squaredcos_cap_v2' }, 'beta_schedule is "squaredcos_cap_v2"'],
  [{ rescale_betas_zero_snr: true }, 'rescale_betas_zero_snr is true; must be false'],
  [{ _class_name: 'DDIMScheduler', clip_sample: true }, 'clip_sample is true; must be false'],
  [{ _class_name: 'DDIMScheduler', clip_sample: undefined }, 'clip_sample is missing, which means true'],
])('%o is refused by name', (changes, message) => {
  expect(parse(changes).problems.map((problem) => problem.message)).toEqual([expect.stringContaining(message)]);
});
