import type { Redis } from 'ioredis';
import type { ApiKey } from '../contract/api-key.ts';
import { API_KEYS_KEY } from '../contract/redis-keys.ts';

/** API keys by kid, without their secrets. Says nothing about whether one is valid. */
export interface KeyStore {
  find(kid: string): Promise<ApiKey | undefined>;
  list(): Promise<readonly ApiKey[]>;
  /** Adds a key, or replaces what is stored of it. */
  put(key: ApiKey): Promise<void>;
  /** False where there is none. */
  remove(kid: string): Promise<boolean>;
}

export function createKeyStore(redis: Redis): KeyStore {
  return {
    async find(kid) {
      const text = await redis.hget(API_KEYS_KEY, kid);
      return text === null ? undefined : (JSON.parse(text) as ApiKey);
    },
    async list() {
      const keys = (await redis.hvals(API_KEYS_KEY)).map((text) => JSON.parse(text) as ApiKey);
      return keys.sort((a, b) => (a.created_at < b.created_at ? -1 : 1));
    },
    async put(key) {
      await redis.hset(API_KEYS_KEY, key.kid, JSON.stringify(key));
    },
    async remove(kid) {
      return (await redis.hdel(API_KEYS_KEY, kid)) === 1;
    },
  };
}
