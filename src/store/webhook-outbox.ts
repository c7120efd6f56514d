import type { Redis } from 'ioredis';
import type { AcceptedJob } from '../contract/job.ts';
import { recordKey, WEBHOOK_TRIES_KEY, WEBHOOKS_KEY } from '../contract/redis-keys.ts';
import { luaScript } from './lua-script.ts';

/**
 * Webhooks that are still to be delivered: ids of jobs, by the time of their next try. The journal puts a job in, in the same step in
 * which it ends, so that no crash can lie between the two. A gateway that takes one out holds it for a while only: if it dies, another
 * tries again.
 */
export interface WebhookOutbox {
  /** Takes at most `most` whose time has come. Whoever takes one says within `holdMs` what became of it. */
  take(most: number, holdMs: number): Promise<readonly DueWebhook[]>;
  /** It was delivered, or never will be. */
  settle(jobId: string): Promise<void>;
  /** It is to be tried again after `delayMs`. */
  retry(jobId: string, delayMs: number): Promise<void>;
  count(): Promise<number>;
}

export interface DueWebhook {
  readonly jobId: string;
  readonly owner: string;
  readonly url: string;
  /** 1 for the first. */
  readonly attempt: number;
}

/**
 * KEYS: outbox, tries. ARGV: most, milliseconds for which they are held, what the keys of records begin with. Returns { id, attempt,
 * owner, accepted job } for each; one whose record has expired is dropped.
 */
const TAKE = luaScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local taken = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])) do
  local held = redis.call('HMGET', ARGV[3] .. id, 'owner', 'job')
  if held[1] then
    redis.call('ZADD', KEYS[1], now + ARGV[2], id)
    table.insert(taken, { id, redis.call('HINCRBY', KEYS[2], id, 1), held[1], held[2] })
  else
    redis.call('ZREM', KEYS[1], id)
    redis.call('HDEL', KEYS[2], id)
  end
end
return taken
`);

/** ARGV: job id, milliseconds. */
const RETRY = luaScript(`
local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], 'XX', time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2], ARGV[1])
`);

export function createWebhookOutbox(redis: Redis): WebhookOutbox {
  return {
    async take(most, holdMs) {
      const answer = await TAKE(redis, [WEBHOOKS_KEY, WEBHOOK_TRIES_KEY], [most, holdMs, recordKey('')]);
      return (answer as readonly [string, number, string, string][]).flatMap(([jobId, attempt, owner, job]) => {
        const { webhook }: AcceptedJob = JSON.parse(job);
        return webhook === undefined ? [] : [{ jobId, owner, url: webhook.url, attempt }];
      });
    },
    async settle(jobId) {
      await redis.multi().zrem(WEBHOOKS_KEY, jobId).hdel(WEBHOOK_TRIES_KEY, jobId).exec();
    },
    async retry(jobId, delayMs) {
      await RETRY(redis, [WEBHOOKS_KEY], [jobId, delayMs]);
    },
    count: () => redis.zcard(WEBHOOKS_KEY),
  };
}
