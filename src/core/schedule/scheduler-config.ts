import type { SamplerName } from '../samplers/names.ts';

export type TimestepSpacing = 'leading' | 'trailing' | 'linspace';
export type SigmaSpacing = 'karras' | 'exponential';
export type PredictionType = 'epsilon' | 'v_prediction' | 'sample';

/** What a checkpoint's `scheduler_config.json` says, under diffusers' meanings. Parsed in `compiler/configs`, which refuses unsupported values. */
export interface SchedulerConfig {
  /** The sampler that the checkpoint's scheduler class stands for, and so the default of a request. */
  readonly defaultSampler: SamplerName;
  readonly trainTimestepCount: number;
  readonly betaStart: number;
  readonly betaEnd: number;
  readonly betaSchedule: 'linear' | 'scaled_linear';
  /** Whether training went down to no picture at all (zero terminal SNR). Never with `epsilon`, which says nothing there. */
  readonly rescaleBetasZeroSnr: boolean;
  readonly predictionType: PredictionType;
  /**
   * Null where the file does not say, as in Stable Diffusion 1.5's: then each sampler has a spacing of its own (ddim leading,
   * the others linspace), as each of diffusers' scheduler classes has.
   */
  readonly timestepSpacing: TimestepSpacing | null;
  /** Null where noise levels follow the timesteps. For the samplers whose diffusers class knows it: euler, heun and dpmpp-2m. */
  readonly sigmaSpacing: SigmaSpacing | null;
  readonly stepsOffset: number;
  /** Whether the step after the last one has alphaBar = 1 (else alphaBar of timestep 0). */
  readonly setAlphaToOne: boolean;
}
