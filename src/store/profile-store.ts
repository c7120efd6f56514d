import type { Redis } from 'ioredis';
import type { ProblemDetails } from '../contract/errors.ts';
import type { LoraProfile } from '../contract/lora-profile.ts';
import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import { profileKey, profileOrderKey } from '../contract/redis-keys.ts';
import { luaScript } from './lua-script.ts';

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

/** What a request needs to know: of a profile a few numbers, where the whole has thousands. */
export interface Outlook {
  readonly pixel: Pick<LoraProfile['pixel'], 'score' | 'halves'> | null;
  readonly error: ProblemDetails | null;
  /** It waits to be measured, or is being measured. */
  readonly isOrdered: boolean;
}

export interface ProfileStore {
  /**
   * In the order of the LoRAs, with null for what is not there. One step: whoever looks at the moment in which a measurement ends sees
   * its order or its profile.
   */
  outlook(model: Pick<ModelDescriptor, 'id' | 'sha256'>, loraHashes: readonly string[]): Promise<readonly Outlook[]>;
  /** In the order of the pairs. Of a pair that was never measured both are null. */
  findAll(pairs: readonly MeasuredPair[]): Promise<readonly StoredProfile[]>;
  keep(profile: LoraProfile): Promise<void>;
  /** Leaves an earlier profile where it is. */
  fail(pair: MeasuredPair, error: ProblemDetails): Promise<void>;
}

/** KEYS: of each LoRA its profile, and BullMQ's record of its order. Returns for each { scores, error, 1 where it is ordered or 0 }. */
const LOOK_OUT = luaScript(`
local found = {}
for index = 1, #KEYS, 2 do
  local known = redis.call('HMGET', KEYS[index], 'scores', 'error')
  found[#found + 1] = { known[1], known[2], redis.call('EXISTS', KEYS[index + 1]) }
end
return found
`);

type OutlookAnswer = readonly (readonly [scores: string | null, error: string | null, count: number])[];

export function createProfileStore(redis: Redis): ProfileStore {
  const keyOf = ({ model_sha256, lora_sha256 }: MeasuredPair) => profileKey(model_sha256, lora_sha256);
  return {
    async outlook({ id, sha256 }, loraHashes) {
      const keys = loraHashes.flatMap((hash) => [profileKey(sha256, hash), profileOrderKey(id, hash)]);
      const answer = (await LOOK_OUT(redis, keys, [])) as OutlookAnswer;
      return answer.map(([scores, error, count]) => ({
        pixel: parsed(scores),
        error: parsed(error),
        isOrdered: count === 1,
      }));
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
