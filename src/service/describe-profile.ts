import type { ProblemDetails } from '../contract/errors.ts';
import type { NoiseLevel, PaperStatistics, ProfileSettings, ProfileState } from '../contract/lora-profile.ts';
import type { SpaceProfile } from '../core/frequency/profile.ts';

/** A profile as a LoRA's description has it: all but the spectra, which are many numbers. Those are in the profile itself. */
export interface DescribedProfile extends Pick<ProfileState, 'status' | 'progress'> {
  readonly error: ProblemDetails | null;
  /** Null where nothing has been measured yet. */
  readonly measured: {
    readonly model_sha256: string;
    readonly lora_sha256: string;
    /** The class score is the one of the pixels. */
    readonly pixel: DescribedSpace;
    readonly latent: DescribedSpace;
    readonly noise_levels: readonly NoiseLevel[];
    readonly paper: PaperStatistics;
    readonly settings: ProfileSettings;
  } | null;
}

export interface DescribedSpace extends Pick<SpaceProfile, 'score' | 'halves' | 'strength'> {
  readonly levels: readonly { readonly score: number; readonly strength: number }[];
}

export function describeProfile({ status, progress, profile, error }: ProfileState): DescribedProfile {
  if (profile === null) return { status, progress, error, measured: null };
  return {
    status,
    progress,
    error,
    measured: { ...profile, pixel: describeSpace(profile.pixel), latent: describeSpace(profile.latent) },
  };
}

function describeSpace({ score, halves, strength, levels }: SpaceProfile): DescribedSpace {
  return { score, halves, strength, levels: levels.map((level) => ({ score: level.score, strength: level.strength })) };
}
