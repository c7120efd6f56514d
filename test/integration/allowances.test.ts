import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { picturesKey, rateKey } from '../../src/contract/redis-keys.ts';
import { type Allowances, createAllowances } from '../../src/store/allowances.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';

let server: TestRedis;
let redis: Redis;
let allowances: Allowances;

beforeAll(async () => {
  server = await startTestRedis();
  redis = server.connect();
  allowances = createAllowances(redis);
});

afterAll(() => server?.close());

beforeEach(async () => void (await redis.flushall()));

test('a minute of calls may come at once, and then one as often as the rate allows', async () => {
  const waits = [];
  for (let call = 0; call < 61; call++) waits.push(await allowances.countCall('ana', 60));
  expect(waits.slice(0, 60)).toEqual(Array(60).fill(0));
  expect(waits[60]).toBeGreaterThan(500);
  expect(waits[60]).toBeLessThanOrEqual(1000);
});

test('a call that was refused counts for nothing: after the time it was told, one is allowed', async () => {
  // 6000 a minute is one in 10 ms.
  await redis.set(rateKey('ana'), ((await now()) + 60_000 + 20).toFixed(3));
  const wait = await allowances.countCall('ana', 6000);
  expect(wait).toBeGreaterThan(0);
  await allowances.countCall('ana', 6000);
  await expect.poll(() => allowances.countCall('ana', 6000), { interval: 5, timeout: 200 }).toBe(0);
});

test('what one owner does costs another nothing, and a count expires', async () => {
  expect(await allowances.countCall('ana', 1)).toBe(0);
  expect(await allowances.countCall('ana', 1)).toBeGreaterThan(0);
  expect(await allowances.countCall('bo', 1)).toBe(0);
  expect(await redis.pttl(rateKey('ana'))).toBeGreaterThan(0);
});

test('pictures are counted until the day ends, and those of a refused request are not', async () => {
  expect(await allowances.countPictures('ana', 8, 10)).toBe(0);
  const wait = await allowances.countPictures('ana', 3, 10);
  expect(wait).toBeGreaterThan(0);
  expect(wait).toBeLessThanOrEqual(24 * 3600 * 1000);
  expect(await allowances.countPictures('ana', 2, 10)).toBe(0);
  expect(await allowances.countPictures('bo', 10, 10)).toBe(0);
  const today = new Date(await now()).toISOString().slice(0, 10);
  expect(await redis.get(picturesKey('ana', today))).toBe('10');
  expect(await redis.pttl(picturesKey('ana', today))).toBeGreaterThan(0);
});

async function now(): Promise<number> {
  const [seconds, microseconds] = await redis.time();
  return Number(seconds) * 1000 + Number(microseconds) / 1000;
}
