import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkRedis } from '../../src/main/check-redis.ts';
import { answersWithin } from '../../src/main/connect-redis.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';

let server: TestRedis;
let redis: Redis;
const said: string[] = [];
const logger = pino({ level: 'warn' }, { write: (line: string) => said.push(line) });

beforeAll(async () => {
  server = await startTestRedis();
  redis = server.connect();
  await answersWithin(redis, 5000);
});

afterAll(() => server?.close());

test('a Redis that keeps everything is welcome', async () => {
  await checkRedis(redis, logger);
  expect(said).toEqual([]);
});

test('one that would throw keys away is warned of, and refused where its memory has a bound', async () => {
  await redis.config('SET', 'maxmemory-policy', 'volatile-lru');
  await checkRedis(redis, logger);
  expect(said).toEqual([expect.stringContaining('set maxmemory-policy to noeviction')]);
  await redis.config('SET', 'maxmemory', '100mb');
  await expect(checkRedis(redis, logger)).rejects.toThrow('maxmemory-policy is volatile-lru; must be noeviction');
});

test('one that is found so only when it is back is complained of', async () => {
  said.length = 0;
  redis.disconnect(true);
  await expect.poll(() => said.join(), { timeout: 5000 }).toContain('this Redis may lose jobs');
});
