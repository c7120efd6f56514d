export type TimestepSpacing = 'leading' | 'trailing' | 'linspace';
export type PredictionType = 'epsilon' | 'v_prediction';

/** What a checkpoint's `scheduler_config.json` says, under diffusers' meanings. Parsed in `compiler/configs`, which refuses unsupported values. */
export interface SchedulerConfig {
  /** The sampler that the checkpoint's scheduler class stands for, and so the default of a request. */
  readonly defaultSampler: 'ddim' | 'euler';
  readonly trainTimestepCount: number;
  readonly betaStart: number;
  readonly betaEnd: number;
  readonly betaSchedule: 'linear' | 'scaled_linear';
  readonly predictionType: PredictionType;
  /**
   * Null where the file does not say, as in Stable Diffusion 1.5's: then each sampler has a spacing of its own (ddim leading,
   * euler linspace), as each of diffusers' scheduler classes has.
   */
  readonly timestepSpacing: TimestepSpacing | null;
  readonly stepsOffset: number;
  /** Whether the step after the last one has alphaBar = 1 (else alphaBar of timestep 0). */
  readonly setAlphaToOne: boolean;
}
