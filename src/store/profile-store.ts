import type { Redis } from 'ioredis';
import type { ProblemDetails } from '../contract/errors.ts';
import type { LoraProfile } from '../contract/lora-profile.ts';
import { profileKey } from '../contract/redis-keys.ts';

/**
 * Measured profiles, for all gateways and workers. A profile is found by the bytes that it was measured on, the model's hash and the
 * LoRA's, so another file under an old name is another LoRA, and one file under two names is measured once.
 */

export type MeasuredPair = Pick<LoraProfile, 'model_sha256' | 'lora_sha256'>;

export interface StoredProfile {
  /** The last one that was measured. */
  readonly profile: LoraProfile | null;
  /** Why the last attempt failed; null where it did not. */
  readonly error: ProblemDetails | null;
}

/** What a request needs of a profile: a few numbers, where the whole has thousands. */
export interface StoredScores {
  readonly pixel: Pick<LoraProfile['pixel'], 'score' | 'halves'> | null;
  readonly error: ProblemDetails | null;
}

export interface ProfileStore {
  /** In the order of the pairs, with null for what is not there. */
  scores(pairs: readonly MeasuredPair[]): Promise<readonly StoredScores[]>;
  /** In the order of the pairs. Of a pair that was never measured both are null. */
  findAll(pairs: readonly MeasuredPair[]): Promise<readonly StoredProfile[]>;
  keep(profile: LoraProfile): Promise<void>;
  /** Leaves an earlier profile where it is. */
  fail(pair: MeasuredPair, error: ProblemDetails): Promise<void>;
}

export function createProfileStore(redis: Redis): ProfileStore {
  const keyOf = ({ model_sha256, lora_sha256 }: MeasuredPair) => profileKey(model_sha256, lora_sha256);
  return {
    async scores(pairs) {
      const records = await Promise.all(pairs.map((pair) => redis.hmget(keyOf(pair), 'scores', 'error')));
      return records.map(([scores, error]) => ({ pixel: parsed(scores), error: parsed(error) }));
    },
    async findAll(pairs) {
      const records = await Promise.all(pairs.map((pair) => redis.hmget(keyOf(pair), 'profile', 'error')));
      return records.map(([profile, error]) => ({ profile: parsed(profile), error: parsed(error) }));
    },
    async keep(profile) {
      const key = keyOf(profile);
      const { score, halves } = profile.pixel;
      const fields = { profile: JSON.stringify(profile), scores: JSON.stringify({ score, halves }) };
      await redis.multi().hset(key, fields).hdel(key, 'error').exec();
    },
    async fail(pair, error) {
      await redis.hset(keyOf(pair), 'error', JSON.stringify(error));
    },
  };
}

function parsed<T>(text: string | null | undefined): T | null {
  return text == null ? null : (JSON.parse(text) as T);
}
