/** What a checkpoint's `scheduler_config.json` says, under diffusers' meanings. Parsed in `files`; unsupported values are refused there. */
export interface SchedulerConfig {
  /** The sampler that the checkpoint's scheduler class stands for, and so the default of a request. */
  readonly defaultSampler: 'ddim' | 'euler';
  readonly trainTimestepCount: number;
  readonly betaStart: number;
  readonly betaEnd: number;
  readonly betaSchedule: 'linear' | 'scaled_linear';
  readonly predictionType: 'epsilon' | 'v_prediction';
  readonly timestepSpacing: 'leading' | 'trailing' | 'linspace';
  readonly stepsOffset: number;
  /** Whether the step after the last one has alphaBar = 1 (else alphaBar of timestep 0). */
  readonly setAlphaToOne: boolean;
}
