/** `scheduler/scheduler_config.json`: the noise schedule that the checkpoint was trained with, and the sampler it asks for. */

import type { SamplerName } from '../../core/samplers/names.ts';
import type { SchedulerConfig } from '../../core/schedule/scheduler-config.ts';
import { type Parsed, readConfig } from './config-reader.ts';

interface SchedulerClass {
  readonly sampler: SamplerName;
  /** The class's own default in diffusers. */
  readonly setAlphaToOne: boolean;
}

const DDIM: SchedulerClass = { sampler: 'ddim', setAlphaToOne: true };
const EULER: SchedulerClass = { sampler: 'euler', setAlphaToOne: true };

/**
 * Checkpoints name whatever scheduler their author last used, while all of them train on one schedule. Classes that are no sampler
 * here yet stand for the nearest one that is.
 */
const CLASSES: Readonly<Record<string, SchedulerClass>> = {
  DDIMScheduler: DDIM,
  DDPMScheduler: DDIM,
  PNDMScheduler: { ...DDIM, setAlphaToOne: false },
  EulerDiscreteScheduler: EULER,
  EulerAncestralDiscreteScheduler: EULER,
  LMSDiscreteScheduler: EULER,
  DPMSolverMultistepScheduler: EULER,
  UniPCMultistepScheduler: EULER,
};

export function parseSchedulerConfig(
  json: Readonly<Record<string, unknown>>,
  subject: string,
): Parsed<SchedulerConfig> {
  const reader = readConfig(json, subject);
  const name = reader.raw('_class_name');
  const known = typeof name === 'string' ? CLASSES[name] : undefined;
  if (known === undefined) reader.refuse('_class_name', `one of ${Object.keys(CLASSES).join(', ')}`);
  const { sampler, setAlphaToOne } = known ?? DDIM;
  reader.only({
    rescale_betas_zero_snr: false,
    thresholding: false,
    trained_betas: null,
    use_beta_sigmas: false,
    use_exponential_sigmas: false,
    use_karras_sigmas: false,
  });
  // Only DDIM and DDPM read the key, and they clip where it is missing.
  if (name === 'DDIMScheduler' || name === 'DDPMScheduler') {
    reader.check(
      json.clip_sample === false,
      `clip_sample is ${json.clip_sample ?? 'missing, which means true'}; must be false`,
    );
  }
  const value: SchedulerConfig = {
    defaultSampler: sampler,
    trainTimestepCount: reader.count('num_train_timesteps', 1000),
    betaStart: reader.number('beta_start', 0.0001),
    betaEnd: reader.number('beta_end', 0.02),
    betaSchedule: reader.choice('beta_schedule', ['linear', 'scaled_linear'], 'linear'),
    predictionType: reader.choice('prediction_type', ['epsilon', 'v_prediction'], 'epsilon'),
    timestepSpacing: reader.choice('timestep_spacing', ['leading', 'trailing', 'linspace'], null),
    stepsOffset: reader.number('steps_offset', 0),
    setAlphaToOne: reader.flag('set_alpha_to_one', setAlphaToOne),
  };
  return { value, problems: reader.problems };
}
