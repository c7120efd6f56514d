import { once } from 'node:events';
import { Redis, type RedisOptions } from 'ioredis';
import type { Logger } from '../telemetry/logger.ts';

/**
 * A connection to Redis, for one of two ways of using it. `patient` waits for as long as Redis is away, and is what a worker and
 * blocking reads need. `prompt` rejects at once what cannot be sent, so that a client gets an answer instead of a silence.
 */
export function connectRedis(options: {
  /** `redis://`, `rediss://`, or the path of a unix socket. */
  readonly url: string;
  readonly use: 'patient' | 'prompt';
  readonly logger: Logger;
}): Redis {
  const { url, use, logger } = options;
  const settings: Omit<RedisOptions, 'replyMapping'> = {
    retryStrategy: (attempt) => Math.min(50 * attempt, 1000),
    ...(use === 'patient'
      ? { maxRetriesPerRequest: null }
      : { maxRetriesPerRequest: 1, enableOfflineQueue: false, commandTimeout: 5000 }),
  };
  const redis = isUrl(url) ? new Redis(url, settings) : new Redis({ ...settings, path: url });
  if (use === 'prompt') writeTogether(redis);
  logChanges(redis, logger);
  return redis;
}

/**
 * What many requests ask at one moment goes out in one write. ioredis' own `enableAutoPipelining` does that too, but takes twice the
 * processor time for a command, sends nothing before the last batch is answered, and makes objects that outlive V8's young generation:
 * a gateway's memory then grows by tens of MiB before they are collected.
 */
function writeTogether(redis: Redis): void {
  const send = redis.sendCommand.bind(redis);
  let corked: Redis['stream'] | undefined;
  redis.sendCommand = (command, stream) => {
    const socket: Redis['stream'] | undefined = redis.stream;
    if (socket !== undefined && socket !== corked) {
      corked = socket;
      socket.cork();
      setImmediate(() => {
        if (corked === socket) corked = undefined;
        socket.uncork();
      });
    }
    return send(command, stream);
  };
}

function isUrl(url: string): boolean {
  return /^rediss?:\/\//.test(url);
}

/** Says once that Redis is gone and once that it is back, not every failed attempt in between. */
function logChanges(redis: Redis, logger: Logger): void {
  let isAway = false;
  redis.on('error', (error) => {
    if (!isAway) logger.warn({ err: error }, 'Redis does not answer');
    isAway = true;
  });
  redis.on('ready', () => {
    if (isAway) logger.info('Redis answers again');
    isAway = false;
  });
}

/** Resolves once Redis answers, or after `patienceMs`; says which. */
export async function answersWithin(redis: Redis, patienceMs: number): Promise<boolean> {
  if (redis.status !== 'ready') {
    // What it rejects with says no more than `status` does.
    await once(redis, 'ready', { signal: AbortSignal.timeout(patienceMs) }).catch(() => {});
  }
  return redis.status === 'ready';
}
