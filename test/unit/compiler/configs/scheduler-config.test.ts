import { expect, test } from 'vitest';
import { parsePythonJson } from '../../../../src/compiler/configs/python-json.ts';
import { parseSchedulerConfig } from '../../../../src/compiler/configs/scheduler-config.ts';
import { LIMITS } from '../../../../src/contract/limits.ts';
import configs from '../../../support/sd15-configs.json' with { type: 'json' };
import { sd15Scheduler } from '../../../support/sd15-scheduler.ts';

/** Stable Diffusion 1.5's scheduler_config.json, as published. */
const SD15 = configs['scheduler/scheduler_config.json'];

/** What DPMSolverMultistepScheduler of diffusers 0.42.1 adds to it. */
const DPM_SOLVER = {
  _class_name: 'DPMSolverMultistepScheduler',
  algorithm_type: 'dpmsolver++',
  dynamic_thresholding_ratio: 0.995,
  euler_at_final: false,
  final_sigmas_type: 'zero',
  flow_shift: 1.0,
  lambda_min_clipped: 'MINUS',
  lower_order_final: true,
  prediction_type: 'epsilon',
  rescale_betas_zero_snr: false,
  sample_max_value: 1.0,
  solver_order: 2,
  solver_type: 'midpoint',
  thresholding: false,
  time_shift_type: 'exponential',
  timestep_spacing: 'linspace',
  use_beta_sigmas: false,
  use_dynamic_shifting: false,
  use_exponential_sigmas: false,
  use_flow_sigmas: false,
  use_karras_sigmas: false,
  use_lu_lambdas: false,
  variance_type: null,
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
  ['DDIMScheduler', 'ddim'],
  ['DPMSolverMultistepScheduler', 'dpmpp-2m'],
  ['EulerDiscreteScheduler', 'euler'],
  ['EulerAncestralDiscreteScheduler', 'euler-ancestral'],
  ['HeunDiscreteScheduler', 'heun'],
])('a checkpoint of %s asks for %s', (_class_name, sampler) => {
  expect(parse({ _class_name })).toMatchObject({ value: { defaultSampler: sampler }, problems: [] });
});

test('spacing over sigma and zero terminal SNR are understood', () => {
  const karras = parse({ _class_name: 'DPMSolverMultistepScheduler', use_karras_sigmas: true });
  const exponential = parse({ use_exponential_sigmas: true });
  const zeroSnr = parse({ rescale_betas_zero_snr: true, prediction_type: 'v_prediction' });
  expect([karras, exponential, zeroSnr].flatMap(({ problems }) => problems)).toEqual([]);
  expect(karras.value.sigmaSpacing).toBe('karras');
  expect(exponential.value.sigmaSpacing).toBe('exponential');
  expect(zeroSnr.value.rescaleBetasZeroSnr).toBe(true);
});

test("a DPMSolverMultistepScheduler's config is understood as diffusers writes it", () => {
  const text = JSON.stringify({ ...SD15, ...DPM_SOLVER }).replace('"MINUS"', '-Infinity');
  const { value, problems } = parseSchedulerConfig(parsePythonJson(text) as Record<string, unknown>, 'scheduler.json');
  expect(problems).toEqual([]);
  expect(value.defaultSampler).toBe('dpmpp-2m');
});

test.each([
  [{ _class_name: 'FlowMatchEulerDiscreteScheduler' }, '_class_name is "FlowMatchEulerDiscreteScheduler"'],
  [{ prediction_type: 'flow' }, 'prediction_type is "flow"; must be "epsilon" or "v_prediction" or "sample"'],
  [{ beta_schedule: 'squaredcos_cap_v2' }, 'beta_schedule is "squaredcos_cap_v2"'],
  [{ rescale_betas_zero_snr: true }, 'rescale_betas_zero_snr is true with prediction_type "epsilon"; must be'],
  [{ use_beta_sigmas: true }, 'use_beta_sigmas is true; must be false'],
  [{ use_karras_sigmas: true, use_exponential_sigmas: true }, 'are both true; must be one of them, or none'],
  [{ num_train_timesteps: LIMITS.stepsMax }, 'num_train_timesteps is 150; must be at least 151'],
  [{ steps_offset: 0.5 }, 'steps_offset is 0.5; must be 0 or 1'],
  [{ _class_name: 'EulerDiscreteScheduler', timestep_type: 'continuous' }, 'timestep_type is "continuous"; must be'],
  [{ _class_name: 'EulerDiscreteScheduler', interpolation_type: 'log_linear' }, 'interpolation_type is "log_linear"'],
  [{ _class_name: 'EulerDiscreteScheduler', final_sigmas_type: 'sigma_min' }, 'final_sigmas_type is "sigma_min"'],
  [{ _class_name: 'HeunDiscreteScheduler', clip_sample: true }, 'clip_sample is true; must be false'],
  [{ _class_name: 'DPMSolverMultistepScheduler', solver_order: 3 }, 'solver_order is 3; must be 2'],
  [{ _class_name: 'DPMSolverMultistepScheduler', solver_type: 'heun' }, 'solver_type is "heun"; must be "midpoint"'],
  [{ _class_name: 'DPMSolverMultistepScheduler', algorithm_type: 'sde-dpmsolver++' }, 'algorithm_type is "sde-dpm'],
  [{ _class_name: 'DPMSolverMultistepScheduler', use_lu_lambdas: true }, 'use_lu_lambdas is true; must be false'],
  [{ _class_name: 'DPMSolverMultistepScheduler', lambda_min_clipped: -5 }, 'lambda_min_clipped is -5; must be "-Inf'],
  [{ _class_name: 'constructor' }, '_class_name is "constructor"; must be one of DDIMScheduler'],
  [{ _class_name: 'DDIMScheduler', clip_sample: true }, 'clip_sample is true; must be false'],
  [{ _class_name: 'DDIMScheduler', clip_sample: undefined }, 'clip_sample is missing, which means true'],
])('%o is refused by name', (changes, message) => {
  expect(parse(changes).problems.map((problem) => problem.message)).toEqual([expect.stringContaining(message)]);
});
