import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { WEBHOOK_SECRETS_KEY } from '../contract/redis-keys.ts';

/** Each owner's secrets, with which its webhooks are signed. The first one is made when it is first needed. */
export interface WebhookSecrets {
  /** The secrets that sign now, the newest first. */
  of(owner: string): Promise<readonly string[]>;
  /** Makes a new one; the one before goes on signing beside it for a day. Resolves with the new one. */
  rotate(owner: string): Promise<string>;
}

interface Stored {
  readonly current: string;
  readonly previous?: string;
  /** Until when the one before signs, in milliseconds. */
  readonly until?: number;
}

const OVERLAP_MS = 24 * 3600 * 1000;

export function createWebhookSecrets(redis: Redis, now: () => number): WebhookSecrets {
  const read = async (owner: string): Promise<Stored> => {
    const stored: Stored = { current: newSecret() };
    // Two gateways may make the first one at once: the one that comes first stays.
    await redis.hsetnx(WEBHOOK_SECRETS_KEY, owner, JSON.stringify(stored));
    return JSON.parse((await redis.hget(WEBHOOK_SECRETS_KEY, owner)) ?? JSON.stringify(stored));
  };
  return {
    async of(owner) {
      const { current, previous, until = 0 } = await read(owner);
      return previous !== undefined && now() < until ? [current, previous] : [current];
    },
    async rotate(owner) {
      const { current: previous } = await read(owner);
      const stored: Stored = { current: newSecret(), previous, until: now() + OVERLAP_MS };
      await redis.hset(WEBHOOK_SECRETS_KEY, owner, JSON.stringify(stored));
      return stored.current;
    },
  };
}

function newSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}
