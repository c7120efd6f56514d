import type { SpaceProfile } from '../core/frequency/profile.ts';
import type { ProblemDetails } from './errors.ts';

/**
 * What was measured of one LoRA on one base model, with all that it depends on, so that it can be kept and used again: docs/frequency.md
 * says what the numbers mean. A plain value of JSON.
 */

export interface ProfileSettings {
  /** Changed with the formulas, so that numbers of another measurement are never taken for these. */
  readonly revision: 1;
  /** Each is drawn with each seed. */
  readonly prompts: readonly string[];
  readonly seeds: readonly number[];
  /** Of the base model's trajectories, on which the noise levels lie. */
  readonly steps: number;
  readonly guidance_scale: number;
  readonly width: number;
  readonly height: number;
  /** Noise levels at which with and without are compared, in even spaces of the trajectory. */
  readonly level_count: number;
  /** Steps over which the paper's statistic takes a change. */
  readonly interval: number;
}

export interface LoraProfile {
  readonly model_sha256: string;
  readonly lora_sha256: string;
  readonly settings: ProfileSettings;
  /** The noisiest first. `alpha_bar` is the picture's share of a latent's variance. */
  readonly noise_levels: readonly NoiseLevel[];
  /** Of x0 as the model estimates it, and of the same decoded. */
  readonly latent: SpaceProfile;
  readonly pixel: SpaceProfile;
  readonly paper: PaperStatistics;
}

export interface NoiseLevel {
  readonly timestep: number;
  readonly alpha_bar: number;
}

/**
 * The authors' statistics (CMLoRA; cmlora.md A.2 and A.3), from pictures that the LoRA draws alone: beside the profile, to be
 * compared with it. `base` is the same without the LoRA.
 */
export interface PaperStatistics {
  /** High band of the finished picture, log amplitude, in greys: what the authors' notebook prints for a LoRA. */
  readonly picture: number;
  readonly base_picture: number;
  /** Change of the latent's high band over each interval, the noisiest first, for either amplitude. */
  readonly change: HighBandChange;
  readonly base_change: HighBandChange;
}

export interface HighBandChange {
  readonly raw: readonly number[];
  readonly log: readonly number[];
}

/** Each of prompts, seeds and levels: fewer say nothing about a LoRA (cmlora.md A.5). */
export const PROFILE_COUNT_MIN = 4;
/** A bound on prompts and on seeds: profiling runs the model for each pair of them. */
export const PROFILE_COUNT_MAX = 64;

export const PROFILE_DEFAULTS = {
  /** Plain subjects of several kinds. A LoRA with a trigger word is measured better on prompts that have it. */
  prompts: [
    'a portrait of a person, looking at the viewer',
    'an animal standing in a meadow',
    'a street with houses in the evening',
    'a table with a bowl of fruit',
  ],
  seeds: 4,
  steps: 20,
  levelCount: 5,
} as const;

/** `absent`: it was not measured, and nobody is about to. */
export type ProfileStatus = 'absent' | 'pending' | 'ready' | 'failed';

/** What a service knows of a LoRA's profile on one model. */
export interface ProfileState {
  readonly status: ProfileStatus;
  /** Evaluations of the model so far, while it is being measured. */
  readonly progress: { readonly done: number; readonly total: number } | null;
  /** While it is measured again, and where that failed: the one before. */
  readonly profile: LoraProfile | null;
  /** Why the last attempt failed. */
  readonly error: ProblemDetails | null;
}

/** A profile to be measured, as it lies in the queue. */
export interface ProfileOrder {
  readonly model_sha256: string;
  readonly lora: { readonly id: string; readonly sha256: string };
  readonly settings: ProfileSettings;
  /** Measured even where there is a profile already. */
  readonly again: boolean;
}

export type ProfileEvent =
  | { readonly type: 'measured'; readonly done: number; readonly total: number }
  | { readonly type: 'profiled'; readonly profile: LoraProfile };
