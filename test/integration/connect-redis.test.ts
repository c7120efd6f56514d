import { once } from 'node:events';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { answersWithin } from '../../src/main/connect-redis.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';

let server: TestRedis;
let redis: Redis;

beforeAll(async () => {
  server = await startTestRedis();
  redis = server.connect('prompt');
  await answersWithin(redis, 5000);
});

afterAll(() => server?.close());

test('what is asked at one moment goes out in one write, and is answered in order', async () => {
  const asked = Promise.all([redis.set('one', 1), redis.incr('one'), redis.get('one')]);
  expect(redis.stream.writableCorked).toBe(1);
  expect(await asked).toEqual(['OK', 2, '2']);
  expect(redis.stream.writableCorked).toBe(0);
});

test('a transaction goes out with the rest of its moment', async () => {
  const [before, answers] = await Promise.all([redis.set('two', 1), redis.multi().incr('two').get('two').exec()]);
  expect([before, answers]).toEqual(['OK', [2, '2'].map((answer) => [null, answer])]);
});

test('a connection that is lost in the middle is made again, and writes as before', async () => {
  const broken = redis.stream;
  const asked = redis.get('two').catch((error: unknown) => error);
  broken.destroy();
  await once(redis, 'ready');
  await asked;
  expect(redis.stream).not.toBe(broken);
  expect(await Promise.all([redis.incr('two'), redis.incr('two')])).toEqual([3, 4]);
});
