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

export interface ProfileStore {
  /** In the order of the pairs. Of a pair that was never measured both are null. */
  findAll(pairs: readonly MeasuredPair[]): Promise<readonly StoredProfile[]>;
  keep(profile: LoraProfile): Promise<void>;
  /** Leaves an earlier profile where it is. */
  fail(pair: MeasuredPair, error: ProblemDetails): Promise<void>;
}

export function createProfileStore(redis: Redis): ProfileStore {
  const keyOf = ({ model_sha256, lora_sha256 }: MeasuredPair) => profileKey(model_sha256, lora_sha256);
  return {
    async findAll(pairs) {
      const records = await Promise.all(pairs.map((pair) => redis.hmget(keyOf(pair), 'profile', 'error')));
      return records.map(([profile, error]) => ({ profile: parsed(profile), error: parsed(error) }));
    },
    async keep(profile) {
      const key = keyOf(profile);
      await redis.multi().hset(key, 'profile', JSON.stringify(profile)).hdel(key, 'error').exec();
    },
    async fail(pair, error) {
      await redis.hset(keyOf(pair), 'error', JSON.stringify(error));
    },
  };
}

function parsed<T>(text: string | null | undefined): T | null {
  return text == null ? null : (JSON.parse(text) as T);
}
