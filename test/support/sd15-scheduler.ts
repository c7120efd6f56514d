import type { SchedulerConfig } from '../../src/core/schedule/scheduler-config.ts';

/** Stable Diffusion 1.5's scheduler_config.json, which does not name a timestep spacing. Tests spread it and change what they test. */
export const sd15Scheduler: SchedulerConfig = {
  defaultSampler: 'ddim',
  trainTimestepCount: 1000,
  betaStart: 0.00085,
  betaEnd: 0.012,
  betaSchedule: 'scaled_linear',
  rescaleBetasZeroSnr: false,
  predictionType: 'epsilon',
  timestepSpacing: null,
  sigmaSpacing: null,
  stepsOffset: 1,
  setAlphaToOne: false,
};
