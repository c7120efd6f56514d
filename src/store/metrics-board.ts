import type { Redis } from 'ioredis';
import { metricsKey, recordKey, runningKey, WORKERS_KEY, waitingKey } from '../contract/redis-keys.ts';
import type { MetricsSnapshot } from '../telemetry/metrics-snapshot.ts';
import { luaScript } from './lua-script.ts';
import { REPORT_LIFETIME_MS } from './worker-registry.ts';

/** Where workers leave what they have measured, and what can be read of the queues. */
export interface MetricsBoard {
  /** To be called again within `REPORT_LIFETIME_MS`. */
  leave(workerId: string, snapshots: readonly MetricsSnapshot[]): Promise<void>;
  /** What every worker that lives has left. */
  read(): Promise<readonly MetricsSnapshot[]>;
  measureQueue(model: string): Promise<QueueMeasure>;
}

export interface QueueMeasure {
  readonly waiting: number;
  readonly running: number;
  /** Of the job that has waited the longest; 0 where none waits. */
  readonly oldestMs: number;
}

/**
 * KEYS: jobs that wait, jobs that run. ARGV: what the keys of records begin with. Returns { waiting, running, ms of the oldest }. Jobs
 * wait in the order of their turns, not of their age; their ids sort by the time of acceptance.
 */
const MEASURE_QUEUE = luaScript(`
local oldest
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if not oldest or id < oldest then oldest = id end
end
local accepted = oldest and redis.call('HGET', ARGV[1] .. oldest, 'accepted_at')
local time = redis.call('TIME')
local age = accepted and time[1] * 1000 + time[2] / 1000 - accepted or 0
return { redis.call('ZCARD', KEYS[1]), redis.call('SCARD', KEYS[2]), math.floor(age) }
`);

export function createMetricsBoard(redis: Redis): MetricsBoard {
  return {
    async leave(workerId, snapshots) {
      await redis.set(metricsKey(workerId), JSON.stringify(snapshots), 'PX', REPORT_LIFETIME_MS);
    },
    async read() {
      const workers = await redis.zrange(WORKERS_KEY, 0, '-1');
      if (workers.length === 0) return [];
      const left = await redis.mget(workers.map(metricsKey));
      return left.flatMap((text) => (text === null ? [] : (JSON.parse(text) as readonly MetricsSnapshot[])));
    },
    async measureQueue(model) {
      const answer = await MEASURE_QUEUE(redis, [waitingKey(model), runningKey(model)], [recordKey('')]);
      const [waiting, running, oldestMs] = answer as readonly [number, number, number];
      return { waiting, running, oldestMs };
    },
  };
}
