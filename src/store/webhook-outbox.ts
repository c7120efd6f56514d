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
  /**
   * Takes at most `most` whose time has come, of no owner more than `share`, what the taker still has of it in `busy` counted in.
   * Whoever takes one says within `holdMs` what became of it.
   */
  take(asked: {
    readonly most: number;
    readonly share: number;
    readonly busy: ReadonlyMap<string, number>;
    readonly holdMs: number;
  }): Promise<readonly DueWebhook[]>;
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
 * KEYS: outbox, tries. ARGV: most, milliseconds for which they are held, what the keys of records begin with, how many are looked
 * at, the share of an owner, milliseconds for which those beyond a share are put off, and owners each with how many they have already.
 * Returns { id, attempt, owner, accepted job } for each; one whose record has expired is dropped. What is put off makes room for those
 * behind it: an owner with ten thousand webhooks hides nobody's for long.
 */
const TAKE = luaScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local taken, has = {}, {}
for i = 7, #ARGV, 2 do has[ARGV[i]] = tonumber(ARGV[i + 1]) end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[4])) do
  if #taken == tonumber(ARGV[1]) then break end
  local owner = redis.call('HGET', ARGV[3] .. id, 'owner')
  if not owner then
    redis.call('ZREM', KEYS[1], id)
    redis.call('HDEL', KEYS[2], id)
  elseif (has[owner] or 0) >= tonumber(ARGV[5]) then
    redis.call('ZADD', KEYS[1], now + ARGV[6], id)
  else
    has[owner] = (has[owner] or 0) + 1
    redis.call('ZADD', KEYS[1], now + ARGV[2], id)
    table.insert(taken, { id, redis.call('HINCRBY', KEYS[2], id, 1), owner, redis.call('HGET', ARGV[3] .. id, 'job') })
  end
end
return taken
`);

/** ARGV: job id, milliseconds. */
const RETRY = luaScript(`
local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], 'XX', time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2], ARGV[1])
`);

/** In one look, which holds Redis up for about a hundredth of a second at the most. */
const LOOKED_AT = 2000;
const PUT_OFF_MS = 1000;

export function createWebhookOutbox(redis: Redis): WebhookOutbox {
  return {
    async take({ most, share, busy, holdMs }) {
      const args = [most, holdMs, recordKey(''), LOOKED_AT, share, PUT_OFF_MS, ...[...busy].flat()];
      const answer = await TAKE(redis, [WEBHOOKS_KEY, WEBHOOK_TRIES_KEY], args);
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
