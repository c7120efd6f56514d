import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

/** A script that Redis runs as one atomic step, sent by its hash once Redis knows it. */
export type LuaScript = (redis: Redis, keys: readonly string[], args: readonly (string | number)[]) => Promise<unknown>;

export function luaScript(source: string): LuaScript {
  const sha1 = createHash('sha1').update(source).digest('hex');
  return async (redis, keys, args) => {
    try {
      return await redis.evalsha(sha1, keys.length, ...keys, ...args);
    } catch (error) {
      // A Redis that was restarted has forgotten it.
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return await redis.eval(source, keys.length, ...keys, ...args);
    }
  };
}
