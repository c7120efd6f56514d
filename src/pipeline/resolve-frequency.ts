import type { FrequencyUse } from '../contract/generation-result.ts';
import type { LoraProfile, ProfileStatus } from '../contract/lora-profile.ts';
import type { FrequencyClass } from '../core/composition/method.ts';
import { type Category, classOfCategory, frequencySets } from '../core/sequencer/frequency-sets.ts';

/**
 * Which frequency class each LoRA of a request has, and who says so: the request, else its category, else its profile, else nobody,
 * and then it counts as high. The rule by which scores become classes is `core/sequencer/frequency-sets.ts`; here it is put to those
 * LoRAs of a request that have a profile. Nothing is waited for.
 */

/** What is known of a LoRA beside its file. */
export interface KnownFrequency {
  readonly status: ProfileStatus;
  readonly profile: { readonly pixel: Pick<LoraProfile['pixel'], 'score' | 'halves'> } | null;
  /** What it shows, where somebody has said so. */
  readonly category?: Category;
}

export const NOTHING_KNOWN: KnownFrequency = { status: 'absent', profile: null };

export interface FrequencyAsked {
  readonly id: string;
  /** As the request has it. */
  readonly stated: FrequencyClass | undefined;
  readonly known: KnownFrequency;
}

export interface ResolvedFrequencies {
  /** In request order. */
  readonly uses: readonly FrequencyUse[];
  /**
   * Ids by falling score, those without one at the end. Null where the request's own order holds: it states every class, or the
   * scores tell nothing.
   */
  readonly byScore: readonly string[] | null;
  /** The score between high and low; null where nothing is split. */
  readonly split: number | null;
  /** How far the halves of the seeds agree (Kendall's tau); null for fewer than two profiles. */
  readonly halvesTau: number | null;
}

export function resolveFrequencies(loras: readonly FrequencyAsked[]): ResolvedFrequencies {
  const profiled = loras.flatMap(({ id, known: { profile } }) =>
    // Pixels and not latents: an 8x VAE hides a fine pattern inside a latent cell, where it looks broad (docs/frequency.md).
    profile === null ? [] : [{ id, score: profile.pixel.score, halves: profile.pixel.halves }],
  );
  const { classes, split, halvesTau } = frequencySets(profiled);
  const uses = loras.map(({ id, stated, known }): FrequencyUse => {
    const rest = { score: known.profile?.pixel.score ?? null, profile: known.status };
    if (stated !== undefined) return { frequency_class: stated, source: 'request', ...rest };
    if (known.category !== undefined) {
      return { frequency_class: classOfCategory(known.category), source: 'category', ...rest };
    }
    const found = classes.find((adapter) => adapter.id === id);
    if (found === undefined || found.source === 'unsplit') {
      return { frequency_class: 'high', source: 'assumed', ...rest };
    }
    if (found.frequencyClass === 'unclear') return { frequency_class: 'high', source: 'unclear', ...rest };
    return { frequency_class: found.frequencyClass, source: 'profile', ...rest };
  });
  const isByScore = uses.some(({ source }) => source === 'profile');
  return { uses, byScore: isByScore ? byFallingScore(loras, uses) : null, split, halvesTau };
}

function byFallingScore(loras: readonly FrequencyAsked[], uses: readonly FrequencyUse[]): readonly string[] {
  const scoreOf = (index: number) => uses[index]?.score ?? Number.NEGATIVE_INFINITY;
  return loras
    .map(({ id }, index) => ({ id, score: scoreOf(index) }))
    .sort((one, other) => (one.score === other.score ? 0 : other.score - one.score))
    .map(({ id }) => id);
}

/** What a person should know of classes that nobody stated. */
export function frequencyWarnings(loras: readonly FrequencyAsked[], uses: readonly FrequencyUse[]): readonly string[] {
  return loras.flatMap(({ id, known }, index) => {
    const source = uses[index]?.source;
    if (source === 'unclear') {
      return [
        `LoRA "${id}" has an unclear frequency class: the halves of its profile's seeds rank these LoRAs otherwise; it counts as high`,
      ];
    }
    if (source !== 'assumed') return [];
    return [`LoRA "${id}" has no frequency class${REASONS[known.status]}; it was assumed to be high`];
  });
}

const REASONS: Readonly<Record<ProfileStatus, string>> = {
  absent: '',
  pending: ', its profile is still to be measured',
  ready: ', and its profile has no other to be split from',
  failed: ', and its profile could not be measured',
};
