import { Queue } from 'bullmq';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { KEY_PREFIX, queueName } from '../../src/contract/redis-keys.ts';
import { type Consumer, openConsumer, type Turn, type Verdict } from '../../src/queue/consumer.ts';
import { createProducer, type Producer, TRIES } from '../../src/queue/producer.ts';
import { until } from '../support/processes.ts';
import { SILENT, startTestRedis, type TestRedis } from '../support/redis.ts';

/** What BullMQ makes of each verdict: the part of the queue that our own rules rest on. */

let server: TestRedis;
let producer: Producer;
let consumer: Consumer | undefined;
let turns: Turn[];
let givenUp: string[];

beforeAll(async () => {
  server = await startTestRedis();
});

beforeEach(async () => {
  await consumer?.close(0);
  consumer = undefined;
  await server.connect().flushall();
  producer = createProducer(server.connect());
  turns = [];
  givenUp = [];
});

afterAll(async () => {
  await consumer?.close(0);
  await server?.close();
});

async function consume(take: (turn: Turn) => Promise<Verdict> | Verdict, concurrency = 2): Promise<void> {
  consumer = openConsumer({
    connection: server.connect(),
    model: 'a:model',
    concurrency,
    take: async (turn) => {
      turns.push(turn);
      return await take(turn);
    },
    onGivenUp: async (jobId) => void givenUp.push(jobId),
    logger: SILENT,
  });
  await consumer.resume();
}

const queue = () => new Queue(queueName('a:model'), { connection: server.connect(), prefix: KEY_PREFIX });
const untilStopped = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));

test('a job that has ended is not taken again', async () => {
  await producer.add('a:model', 'job', 1);
  await consume(() => 'ended');
  await until('it is done', async () => (await queue().getCompletedCount()) === 1);
  expect(turns.map(({ id }) => id)).toEqual(['job']);
  expect(givenUp).toEqual([]);
});

test('a job that failed for good is not taken again', async () => {
  await producer.add('a:model', 'job', 1);
  await consume(() => 'failed');
  await until('it is given up', () => givenUp.length === 1);
  expect(turns).toHaveLength(1);
});

test('a job that may succeed later is tried as often as allowed, and knows its last try', async () => {
  await producer.add('a:model', 'job', 1);
  await consume(() => 'retry');
  await until('it is given up', () => givenUp.length === 1);
  expect(turns.map(({ isLastTry }) => isLastTry)).toEqual([...Array(TRIES - 1).fill(false), true]);
  expect(givenUp).toEqual(['job']);
});

test('handing a job back does not count as a try', async () => {
  await producer.add('a:model', 'job', 1);
  await consume(() => (turns.length <= 2 * TRIES ? 'handed back' : 'ended'));
  await until('it is done', async () => (await queue().getCompletedCount()) === 1);
  expect(turns).toHaveLength(2 * TRIES + 1);
  expect(turns.some(({ isLastTry }) => isLastTry)).toBe(false);
});

test('a job that stalled too often is given up without a turn', async () => {
  await producer.add('a:model', 'job', 1);
  const keys = await server.connect().keys(`${KEY_PREFIX}:*:job`);
  await server.connect().hset(keys[0] ?? '', 'defa', 'job stalled more than allowable limit');
  await consume(() => 'ended');
  await until('it is given up', () => givenUp.length === 1);
  expect(turns).toEqual([]);
});

test('only the job that is cancelled is stopped', async () => {
  await producer.add('a:model', 'one', 1);
  await producer.add('a:model', 'two', 1);
  await consume(async ({ id, signal }): Promise<Verdict> => {
    if (id === 'one') await untilStopped(signal);
    return 'ended';
  });
  await until('both have had a turn', () => turns.length === 2);
  consumer?.cancel('one');
  await until('both are done', async () => (await queue().getCompletedCount()) === 2);
  const signals = new Map(turns.map(({ id, signal }) => [id, signal]));
  expect(signals.get('one')?.reason).toBe('cancelled');
  expect(signals.get('two')?.aborted).toBe(false);
});

test('a removed job is never taken', async () => {
  await producer.add('a:model', 'job', 1);
  await producer.add('a:model', 'other', 1);
  await producer.remove('a:model', 'job');
  expect(await producer.countWaiting('a:model')).toBe(1);
  await consume(() => 'ended');
  await until('the other is done', async () => (await queue().getCompletedCount()) === 1);
  expect(turns.map(({ id }) => id)).toEqual(['other']);
});

test('closing gives running jobs their time, and then has them handed back', async () => {
  await producer.add('a:model', 'short', 1);
  await producer.add('a:model', 'long', 1);
  let finishShort = () => {};
  await consume(async ({ id, signal }): Promise<Verdict> => {
    if (id === 'short') await new Promise<void>((resolve) => (finishShort = resolve));
    else await untilStopped(signal);
    return signal.aborted ? 'handed back' : 'ended';
  });
  await until('both run', () => turns.length === 2);
  const closing = consumer?.close(200);
  finishShort();
  await closing;
  consumer = undefined;
  expect(turns.find(({ id }) => id === 'long')?.signal.reason).toBe('draining');
  expect(await queue().getCompletedCount()).toBe(1);
  expect(await producer.countWaiting('a:model')).toBe(1);
});

test('jobs of a lower place go first, and those of the same place in the order in which they came', async () => {
  for (const [id, place] of [
    ['a1', 1],
    ['a2', 2],
    ['a3', 3],
    ['b1', 1],
    ['b2', 2],
    ['c1', 1_000_000],
  ] as const) {
    await producer.add('a:model', id, place);
  }
  await consume(() => 'ended', 1);
  await until('all are done', async () => (await queue().getCompletedCount()) === 6);
  expect(turns.map(({ id }) => id)).toEqual(['a1', 'b1', 'a2', 'b2', 'a3', 'c1']);
});

test('a paused consumer takes nothing until it resumes', async () => {
  await consume(() => 'ended');
  await consumer?.pause();
  await producer.add('a:model', 'job', 1);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const before = turns.length;
  await consumer?.resume();
  await until('it is done', async () => (await queue().getCompletedCount()) === 1);
  expect(before).toBe(0);
});
