import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { LINK_SECRET_KEY } from '../contract/redis-keys.ts';

const SECRET_BYTES = 32;

/** What all gateways of a deployment sign links with: drawn by the first that needs it, and kept in Redis. */
export function createLinkSecret(redis: Redis): () => Promise<Buffer> {
  let known: Buffer | undefined;
  return async () => {
    if (known !== undefined) return known;
    await redis.set(LINK_SECRET_KEY, randomBytes(SECRET_BYTES).toString('base64'), 'NX');
    known = Buffer.from((await redis.get(LINK_SECRET_KEY)) ?? '', 'base64');
    return known;
  };
}
