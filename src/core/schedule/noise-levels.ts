import type { SchedulerConfig, SigmaSpacing } from './scheduler-config.ts';
import { sigmaAt, timestepsAt, trainedSigmas } from './sigmas.ts';

/** The noise levels that a trajectory visits, from the noisiest to the cleanest. The finished picture, sigma 0, is not among them. */

export interface NoiseLevel {
  /** What the model is told; fractional where the level lies between two training timesteps. */
  readonly timestep: number;
  readonly sigma: number;
}

export function levelsAt(timesteps: readonly number[], config: SchedulerConfig): readonly NoiseLevel[] {
  const trained = trainedSigmas(config);
  return timesteps.map((timestep) => ({ timestep, sigma: sigmaAt(timestep, trained) }));
}

/** Levels from one timestep to another, both included, spaced over sigma and not over time. One alone is the first. */
export function respacedLevels(
  ends: { readonly from: number; readonly to: number; readonly steps: number },
  spacing: SigmaSpacing,
  config: SchedulerConfig,
): readonly NoiseLevel[] {
  const trained = trainedSigmas(config);
  const [from, to] = [sigmaAt(ends.from, trained), sigmaAt(ends.to, trained)];
  const stride = 1 / Math.max(ends.steps - 1, 1);
  const sigmas = Array.from({ length: ends.steps }, (_, index) => SPACINGS[spacing](from, to, index * stride));
  return timestepsAt(sigmas, trained).map((timestep, index) => ({ timestep, sigma: sigmas[index] ?? 0 }));
}

/** rho of Karras et al. (2022), eq. 5; arxiv.org/abs/2206.00364. */
const KARRAS_RHO = 7;

/** The sigma at a fraction, 0 to 1, of the way. */
const SPACINGS: Readonly<Record<SigmaSpacing, (from: number, to: number, fraction: number) => number>> = {
  karras: (from, to, fraction) => mixed(from ** (1 / KARRAS_RHO), to ** (1 / KARRAS_RHO), fraction) ** KARRAS_RHO,
  exponential: (from, to, fraction) => Math.exp(mixed(Math.log(from), Math.log(to), fraction)),
};

function mixed(from: number, to: number, fraction: number): number {
  return from + fraction * (to - from);
}
