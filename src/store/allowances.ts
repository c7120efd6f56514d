import type { Redis } from 'ioredis';
import { picturesKey, rateKey } from '../contract/redis-keys.ts';
import { luaScript } from './lua-script.ts';

/** How much an owner may still do. One count for all its keys and all gateways, by Redis' clock. */
export interface Allowances {
  /** Counts one call. Resolves with 0, or with the milliseconds after which one would be allowed; then nothing was counted. */
  countCall(owner: string, perMinute: number): Promise<number>;
  /** Counts pictures; below 0, gives them back. Resolves with 0, or with the milliseconds until the day (UTC) ends; then nothing was counted. */
  countPictures(owner: string, pictures: number, perDay: number): Promise<number>;
}

/**
 * The generic cell rate algorithm: the key holds the time up to which the calls so far would take at their even rate. A minute's
 * calls may come at once; after that, one as often as the rate allows. ARGV: calls in a minute.
 */
const COUNT_CALL = luaScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local interval, burst = 60000 / ARGV[1], 60000
local arrival = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now) + interval
local wait = arrival - burst - now
if wait > 0.001 then return math.ceil(wait) end
redis.call('SET', KEYS[1], string.format('%.3f', arrival), 'PX', burst + math.ceil(interval))
return 0
`);

/** ARGV: pictures, pictures in a day, milliseconds for which the count is kept. Returns 1 if they were counted. */
const COUNT_PICTURES = luaScript(`
if redis.call('INCRBY', KEYS[1], ARGV[1]) > tonumber(ARGV[2]) and tonumber(ARGV[1]) > 0 then
  redis.call('DECRBY', KEYS[1], ARGV[1])
  return 0
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
`);

const DAY_MS = 24 * 3600 * 1000;

export function createAllowances(redis: Redis): Allowances {
  return {
    async countCall(owner, perMinute) {
      return Number(await COUNT_CALL(redis, [rateKey(owner)], [perMinute]));
    },
    async countPictures(owner, pictures, perDay) {
      const [seconds] = await redis.time();
      const now = Number(seconds) * 1000;
      const key = picturesKey(owner, new Date(now).toISOString().slice(0, 10));
      const isCounted = (await COUNT_PICTURES(redis, [key], [pictures, perDay, 2 * DAY_MS])) === 1;
      return isCounted ? 0 : DAY_MS - (now % DAY_MS);
    },
  };
}
