import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { eventsKey } from '../../src/contract/redis-keys.ts';
import { FIRST_ENTRY } from '../../src/queue/entry-id.ts';
import { EventReader } from '../../src/queue/event-reader.ts';
import { until } from '../support/processes.ts';
import { SILENT, startTestRedis, type TestRedis } from '../support/redis.ts';

let server: TestRedis;
let redis: Redis;
let reader: EventReader;
const never = () => new AbortController().signal;

beforeAll(async () => {
  server = await startTestRedis();
  redis = server.connect();
});

let dropped: number;

beforeEach(async () => {
  await reader?.close();
  await redis.flushall();
  dropped = 0;
  const onDropped = (entries: number) => {
    dropped += entries;
  };
  reader = new EventReader({ commands: redis, blocking: server.connect(), logger: SILENT, onDropped });
});

afterAll(async () => {
  await reader?.close();
  await server?.close();
});

const add = async (job: string, position: number) =>
  (await redis.xadd(eventsKey(job), '*', 'event', JSON.stringify({ type: 'queued', queue_position: position }))) ?? '';

async function fill(job: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let position = 0; position < count; position++) ids.push(await add(job, position));
  return ids;
}

/** The ids of the next entries of a watch; then it is left. */
async function take(job: string, after: string, count: number, onEach = async () => {}): Promise<string[]> {
  const ids: string[] = [];
  if (count === 0) return ids;
  for await (const { id } of reader.watch(job, after, never())) {
    ids.push(id);
    if (ids.length === count) break;
    await onEach();
  }
  return ids;
}

test('a watcher gets what was there before it came and what comes afterwards, once and in order', async () => {
  const before = await fill('a', 5);
  const seen = take('a', FIRST_ENTRY, 10);
  const after = await fill('a', 5);
  expect(await seen).toEqual([...before, ...after]);
});

test('watchers that come at any time see the same', async () => {
  const watchers: Promise<string[]>[] = [];
  const ids: string[] = [];
  for (let round = 0; round < 30; round++) {
    watchers.push(take('a', FIRST_ENTRY, 30));
    ids.push(await add('a', round));
  }
  for (const watcher of watchers) expect(await watcher).toEqual(ids);
});

test('a watcher that resumes gets exactly the rest, also where others already watch', async () => {
  const ids = await fill('a', 20);
  const other = take('a', FIRST_ENTRY, 21);
  for (const [index, id] of ids.entries()) expect(await take('a', id, 19 - index)).toEqual(ids.slice(index + 1));
  const last = await add('a', 20);
  expect(await other).toEqual([...ids, last]);
});

test('a watcher that is slower than its buffer loses nothing, and what was dropped of it is counted', async () => {
  const watch = reader.watch('a', FIRST_ENTRY, never());
  const first = watch.next();
  const ids = await fill('a', 1500);
  const seen = [(await first).value?.id];
  for await (const { id } of watch) {
    seen.push(id);
    if (seen.length === 1500) break;
  }
  expect(seen).toEqual(ids);
  expect(dropped).toBeGreaterThan(256);
});

test('jobs do not mix', async () => {
  const a = take('a', FIRST_ENTRY, 50);
  const b = take('b', FIRST_ENTRY, 50);
  const ids: Record<'a' | 'b', string[]> = { a: [], b: [] };
  for (let round = 0; round < 50; round++) {
    ids.a.push(await add('a', round));
    ids.b.push(await add('b', round));
  }
  expect(await a).toEqual(ids.a);
  expect(await b).toEqual(ids.b);
});

test('a stream that was left and is watched again from its start misses nothing', async () => {
  const ids = await fill('a', 3);
  expect(await take('a', ids[1] ?? '', 1)).toEqual([ids[2]]);
  const again = take('a', FIRST_ENTRY, 4);
  const last = await add('a', 3);
  expect(await again).toEqual([...ids, last]);
});

test('what a read still brings for watchers that have left is not taken for news by those who come', async () => {
  const ids = await fill('a', 3);
  const leaving = new AbortController();
  const watch = reader.watch('a', ids[2] ?? '', leaving.signal);
  const fourth = watch.next();
  ids.push(await add('a', 3));
  await fourth;
  await redis.ping(); // The reader now waits for what comes after the fourth.
  leaving.abort();
  await watch.next();
  const fifth = add('a', 4);
  const again = take('a', FIRST_ENTRY, 5);
  expect(await again).toEqual([...ids, await fifth]);
});

test('an aborted watch ends by itself', async () => {
  const controller = new AbortController();
  const watch = reader.watch('a', FIRST_ENTRY, controller.signal);
  const next = watch.next();
  controller.abort();
  expect((await next).done).toBe(true);
});

test('closing the reader ends every watch', async () => {
  const next = reader.watch('a', FIRST_ENTRY, never()).next();
  await add('b', 0);
  await reader.close();
  expect((await next).done).toBe(true);
});

test('a watcher outlives a Redis that is killed and comes back', async () => {
  const before = await fill('a', 3);
  const seen = take('a', FIRST_ENTRY, 6);
  await until('the watcher has joined', async () => (await redis.keys('*wake*')).length > 0);
  const pid = server.pid();
  process.kill(pid ?? 0, 'SIGKILL');
  await until('Redis is back', async () => server.pid() !== pid && (await redis.ping()) === 'PONG');
  const after = await fill('a', 3);
  expect(await seen).toEqual([...before, ...after]);
});
