/** `scheduler/scheduler_config.json`: the noise schedule that the checkpoint was trained with, and the sampler it asks for. */

import type { SamplerName } from '../../core/samplers/names.ts';
import type { SchedulerConfig } from '../../core/schedule/scheduler-config.ts';
import { type Parsed, readConfig } from './config-reader.ts';

/** A scheduler class of diffusers. */
interface SchedulerClass {
  readonly sampler: SamplerName;
  /** The class's own defaults, where they are not those of the other classes. */
  readonly betaStart?: number;
  readonly betaEnd?: number;
  readonly setAlphaToOne?: false;
  /** Keys of this class alone, with the one value that the sampler here stands for. */
  readonly only?: Readonly<Record<string, unknown>>;
}

/** Euler, k-diffusion's way, between trained levels linearly. */
const EULER_ONLY = { interpolation_type: 'linear', timestep_type: 'discrete', final_sigmas_type: 'zero' };

const DPM_SOLVER_ONLY = {
  algorithm_type: 'dpmsolver++',
  solver_order: 2,
  solver_type: 'midpoint',
  final_sigmas_type: 'zero',
  use_lu_lambdas: false,
  use_flow_sigmas: false,
  lambda_min_clipped: '-Infinity',
  variance_type: null,
};

/**
 * Checkpoints name whatever scheduler their author last used, while all of them train on one schedule. Classes that are no sampler
 * here (DDPM, PNDM, LMS, UniPC) stand for the nearest one that is, and keys of their own method mean nothing.
 */
const CLASSES: Readonly<Record<string, SchedulerClass>> = {
  DDIMScheduler: { sampler: 'ddim' },
  DDPMScheduler: { sampler: 'ddim' },
  PNDMScheduler: { sampler: 'ddim', setAlphaToOne: false },
  EulerDiscreteScheduler: { sampler: 'euler', only: EULER_ONLY },
  EulerAncestralDiscreteScheduler: { sampler: 'euler-ancestral' },
  HeunDiscreteScheduler: {
    sampler: 'heun',
    betaStart: 0.00085,
    betaEnd: 0.012,
    only: { clip_sample: false },
  },
  LMSDiscreteScheduler: { sampler: 'euler' },
  DPMSolverMultistepScheduler: { sampler: 'dpmpp-2m', only: DPM_SOLVER_ONLY },
  UniPCMultistepScheduler: { sampler: 'dpmpp-2m' },
};

/** More than the steps that a request may ask for (`contract/limits.ts`): each takes a timestep of its own, and dpmpp-2m one more. */
const LEAST_TIMESTEPS = 151;

const UNKNOWN_CLASS: SchedulerClass = { sampler: 'ddim' };

export function parseSchedulerConfig(
  json: Readonly<Record<string, unknown>>,
  subject: string,
): Parsed<SchedulerConfig> {
  const reader = readConfig(json, subject);
  const name = reader.raw('_class_name');
  const known = typeof name === 'string' && Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined;
  if (known === undefined) reader.refuse('_class_name', `one of ${Object.keys(CLASSES).join(', ')}`);
  const { sampler, betaStart = 0.0001, betaEnd = 0.02, setAlphaToOne = true, only = {} } = known ?? UNKNOWN_CLASS;
  reader.only({ thresholding: false, trained_betas: null, use_beta_sigmas: false, sigma_min: null, sigma_max: null });
  reader.only(only);
  // Only DDIM and DDPM clip where the key is missing.
  if (name === 'DDIMScheduler' || name === 'DDPMScheduler') {
    reader.check(
      json.clip_sample === false,
      `clip_sample is ${json.clip_sample ?? 'missing, which means true'}; must be false`,
    );
  }
  const usesKarras = reader.flag('use_karras_sigmas', false);
  const usesExponential = reader.flag('use_exponential_sigmas', false);
  reader.check(
    !(usesKarras && usesExponential),
    'use_karras_sigmas and use_exponential_sigmas are both true; must be one of them, or none',
  );
  const value: SchedulerConfig = {
    defaultSampler: sampler,
    trainTimestepCount: reader.count('num_train_timesteps', 1000),
    betaStart: reader.number('beta_start', betaStart),
    betaEnd: reader.number('beta_end', betaEnd),
    betaSchedule: reader.choice('beta_schedule', ['linear', 'scaled_linear'], 'linear'),
    rescaleBetasZeroSnr: reader.flag('rescale_betas_zero_snr', false),
    predictionType: reader.choice('prediction_type', ['epsilon', 'v_prediction', 'sample'], 'epsilon'),
    timestepSpacing: reader.choice('timestep_spacing', ['leading', 'trailing', 'linspace'], null),
    sigmaSpacing: usesKarras ? 'karras' : usesExponential ? 'exponential' : null,
    stepsOffset: reader.number('steps_offset', 0),
    setAlphaToOne: reader.flag('set_alpha_to_one', setAlphaToOne),
  };
  reader.check(
    !(value.rescaleBetasZeroSnr && value.predictionType === 'epsilon'),
    'rescale_betas_zero_snr is true with prediction_type "epsilon"; must be "v_prediction" or "sample", since where no picture is left the noise says nothing of it',
  );
  reader.check(
    value.trainTimestepCount >= LEAST_TIMESTEPS,
    `num_train_timesteps is ${value.trainTimestepCount}; must be at least ${LEAST_TIMESTEPS}`,
  );
  reader.check(
    value.stepsOffset === 0 || value.stepsOffset === 1,
    `steps_offset is ${value.stepsOffset}; must be 0 or 1`,
  );
  return { value, problems: reader.problems };
}
