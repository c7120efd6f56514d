import type { Redis } from 'ioredis';
import { InputError } from '../core/problem.ts';
import type { Logger } from '../telemetry/logger.ts';

/**
 * Whether Redis keeps what it is given. One that may throw keys away when its memory is full loses jobs without a word: it is refused
 * at the start, and complained of whenever it is found later. Throws an InputError.
 */
export async function checkRedis(redis: Redis, logger: Logger): Promise<void> {
  redis.on('ready', () => {
    check(redis, logger).catch((error) => logger.error({ err: error }, 'this Redis may lose jobs'));
  });
  if (redis.status === 'ready') await check(redis, logger);
}

async function check(redis: Redis, logger: Logger): Promise<void> {
  // Not CONFIG, which many who rent a Redis may not ask for. A connection that breaks here says so elsewhere.
  const memory = await redis.info('memory').catch(() => '');
  const policy = fieldOf(memory, 'maxmemory_policy');
  if (policy === undefined || policy === 'noeviction') return;
  if (Number(fieldOf(memory, 'maxmemory') ?? 0) === 0) {
    logger.warn({ policy }, 'Redis would throw jobs away if it had a maxmemory: set maxmemory-policy to noeviction');
    return;
  }
  const message = `REDIS_URL leads to a Redis whose maxmemory-policy is ${policy}; must be noeviction, or it throws jobs away when it is full`;
  throw new InputError([{ code: 'invalid_request', subject: 'REDIS_URL', message }]);
}

function fieldOf(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
}
