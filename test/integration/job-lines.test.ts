import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { problemDetails, ServiceError } from '../../src/contract/errors.ts';
import { LOCAL } from '../../src/contract/principal.ts';
import { KEY_PREFIX, outstandingKey, queueName, recordKey, UNENDED_KEY } from '../../src/contract/redis-keys.ts';
import { createProducer, type Producer } from '../../src/queue/producer.ts';
import { lookAfter } from '../../src/service/caretaker.ts';
import { createJobJournal, type JobJournal, type NewJob } from '../../src/store/job-journal.ts';
import { NEW_JOB, OUTCOME } from '../support/accepted-job.ts';
import { SILENT, startTestRedis, type TestRedis } from '../support/redis.ts';

/** Who is admitted, in which place, and what becomes of jobs that somebody has forgotten. */

let server: TestRedis;
let redis: Redis;
let journal: JobJournal;
let producer: Producer;
const LIFETIME_S = 100;
const MODEL = NEW_JOB.job.request.model;

beforeAll(async () => {
  server = await startTestRedis();
  redis = server.connect();
  journal = createJobJournal(redis, LIFETIME_S);
  producer = createProducer(server.connect());
});

afterAll(async () => {
  await producer?.close();
  await server?.close();
});

beforeEach(async () => {
  await redis.flushall();
});

const admit = (id: string, changes: Partial<NewJob> = {}) => journal.admit(id, { ...NEW_JOB, ...changes });
const placeOf = async (id: string, changes: Partial<NewJob> = {}) => {
  const admission = await admit(id, changes);
  return admission.answer === 'accepted' ? admission.place : admission.answer;
};
const problem = problemDetails(new ServiceError('internal', ''));
const fingerprint = { keySha256: 'k'.repeat(64), fingerprint: 'one' };

test('an owner with many jobs waits behind the first jobs of another', async () => {
  const places: unknown[] = [];
  for (const id of ['a1', 'a2', 'a3']) places.push(await placeOf(id, { owner: 'a' }));
  for (const id of ['b1', 'b2']) places.push(await placeOf(id, { owner: 'b' }));
  expect(places).toEqual([1, 2, 3, 1, 2]);
  expect(await admit('b3', { owner: 'b' })).toMatchObject({ position: 5 });
  const asked = await Promise.all(['a1', 'a2', 'a3'].map((id) => journal.read({ ...LOCAL, owner: 'a' }, id)));
  expect(asked.map((job) => job?.queue_position)).toEqual([0, 2, 4]);
});

test('a high priority passes the own others and nobody else; a low one waits for everybody', async () => {
  for (const id of ['a1', 'a2', 'a3']) await admit(id, { owner: 'a' });
  expect(await placeOf('a4', { owner: 'a', priority: 'high' })).toBe(1);
  expect(await placeOf('a5', { owner: 'a', priority: 'high' })).toBe(2);
  expect(await placeOf('b1', { owner: 'b', priority: 'high' })).toBe(1);
  expect(await placeOf('c1', { owner: 'c', priority: 'low' })).toBe(1_000_000);
});

test('what an owner has outstanding shrinks with every way in which a job ends', async () => {
  const ends: Record<string, (id: string) => Promise<unknown>> = {
    completed: async (id) => {
      const claim = await journal.claim(id, 'cpu');
      if (claim !== undefined) await journal.finish(claim, { status: 'completed', outcome: OUTCOME });
    },
    cancelled: (id) => journal.cancel(LOCAL, id),
    abandoned: (id) => journal.abandon(id, problem),
    withdrawn: (id) => journal.withdraw(id),
  };
  for (const [name, end] of Object.entries(ends)) {
    await admit(name);
    expect(await redis.zcard(outstandingKey(LOCAL.owner))).toBe(1);
    await end(name);
    expect([name, await redis.zcard(outstandingKey(LOCAL.owner)), await journal.countUnended()]).toEqual([name, 0, 0]);
  }
});

test('an owner, and the queue of a model, take no more than their bounds', async () => {
  const bounds = { waiting: 3, outstanding: 2 };
  expect(await placeOf('a1', { owner: 'a', bounds })).toBe(1);
  expect(await placeOf('a2', { owner: 'a', bounds })).toBe(2);
  expect(await placeOf('a3', { owner: 'a', bounds })).toBe('too many');
  expect(await placeOf('b1', { owner: 'b', bounds })).toBe(1);
  expect(await placeOf('b2', { owner: 'b', bounds })).toBe('queue full');
  await journal.claim('a1', 'cpu');
  expect(await placeOf('b2', { owner: 'b', bounds })).toBe(2);
  expect(await redis.exists(recordKey('a3'))).toBe(0);
});

test('the bounds hold however many come at once', async () => {
  const bounds = { waiting: 1000, outstanding: 20 };
  const admissions = await Promise.all(Array.from({ length: 100 }, (_, index) => placeOf(`a${index}`, { bounds })));
  expect(admissions.filter((place) => place !== 'too many').sort((a, b) => Number(a) - Number(b))).toEqual(
    Array.from({ length: 20 }, (_, index) => index + 1),
  );
});

test('an idempotency key makes one job, however often and however fast it comes', async () => {
  const answers = await Promise.all(['a', 'b', 'c'].map((id) => admit(id, { idempotency: fingerprint })));
  const [accepted, ...others] = answers.filter(({ answer }) => answer === 'accepted');
  expect(others).toEqual([]);
  const id = accepted && 'id' in accepted ? accepted.id : '';
  expect(answers.filter(({ answer }) => answer === 'replayed')).toEqual(
    Array(2).fill({ answer: 'replayed', id, position: 0 }),
  );
  expect(await journal.countUnended()).toBe(1);
  expect(await journal.findByKey(LOCAL, fingerprint)).toEqual({ answer: 'replayed', id, position: 0 });
});

test('an idempotency key belongs to its owner, to one request, and to a bounded time', async () => {
  await admit('a', { idempotency: fingerprint });
  expect(await admit('b', { idempotency: { ...fingerprint, fingerprint: 'two' } })).toEqual({ answer: 'conflict' });
  expect(await admit('c', { owner: 'other', idempotency: fingerprint })).toMatchObject({ answer: 'accepted' });
  expect(await journal.findByKey({ ...LOCAL, owner: 'third' }, fingerprint)).toBeUndefined();
  const [key] = await redis.keys(`${KEY_PREFIX}:idempotency:local:*`);
  expect(await redis.ttl(key ?? '')).toBeGreaterThan(0);
  await journal.withdraw('a');
  expect(await journal.findByKey(LOCAL, fingerprint)).toBeUndefined();
});

test('a job whose record has expired is gone, not unknown, to its owner alone', async () => {
  await admit('a');
  await journal.cancel(LOCAL, 'a');
  await redis.del(recordKey('a'));
  await expect(journal.read(LOCAL, 'a')).rejects.toMatchObject({ code: 'expired' });
  expect(await journal.read({ ...LOCAL, owner: 'other' }, 'a')).toBeUndefined();
  const [tombstone] = await redis.keys(`${KEY_PREFIX}:tombstone:*`);
  expect(await redis.ttl(tombstone ?? '')).toBeLessThanOrEqual(2 * LIFETIME_S);
  expect(await redis.ttl(tombstone ?? '')).toBeGreaterThan(LIFETIME_S);
});

test('a waiting job whose deadline passes fails with it; one that is claimed too late never starts', async () => {
  await admit('waits', { deadlineMs: 1 });
  await admit('claimed', { deadlineMs: 1 });
  await admit('in-time', { deadlineMs: 60_000 });
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(await journal.claim('claimed', 'cpu')).toBeUndefined();
  expect(await journal.endOverdue(10)).toEqual([{ id: 'waits', model: MODEL }]);
  for (const id of ['waits', 'claimed']) {
    expect(await journal.read(LOCAL, id)).toMatchObject({ status: 'failed', error: { code: 'deadline_exceeded' } });
  }
  const claim = await journal.claim('in-time', 'cpu');
  expect(claim?.deadlineMs).toBeGreaterThan(50_000);
  expect(await journal.endOverdue(10)).toEqual([]);
});

test('a job that was written down and never queued is queued', async () => {
  await admit('a');
  expect(await lookAfter({ journal, producer, logger: SILENT }, 0, 60_000)).toBe(0);
  expect(await producer.countWaiting(MODEL)).toBe(0);
  await lookAfter({ journal, producer, logger: SILENT }, 0, 0);
  expect(await producer.countWaiting(MODEL)).toBe(1);
  await lookAfter({ journal, producer, logger: SILENT }, 0, 0);
  expect(await producer.countWaiting(MODEL)).toBe(1);
});

test('a job that the queue gave up, and whose worker died before it could say so, ends with an error', async () => {
  await admit('a');
  await producer.add(MODEL, 'a', 1);
  await journal.claim('a', 'cpu');
  const key = `${KEY_PREFIX}:${queueName(MODEL)}:a`;
  await redis.hset(key, 'finishedOn', Date.now(), 'failedReason', 'job stalled more than allowable limit');
  await lookAfter({ journal, producer, logger: SILENT }, 0, 60_000);
  expect((await journal.read(LOCAL, 'a'))?.status).toBe('running');
  await lookAfter({ journal, producer, logger: SILENT }, 0, 0);
  expect(await journal.read(LOCAL, 'a')).toMatchObject({ status: 'failed', error: { code: 'worker_lost' } });
  expect(await redis.zcard(outstandingKey(LOCAL.owner))).toBe(0);
});

test('a name in the list of unended jobs without a job is struck off', async () => {
  await redis.zadd(UNENDED_KEY, 1, 'nothing');
  await lookAfter({ journal, producer, logger: SILENT }, 0, 0);
  expect(await journal.countUnended()).toBe(0);
});

test('the time that is left is told from what was measured: jobs of the kind first, own steps later', async () => {
  await admit('first');
  expect((await journal.read(LOCAL, 'first'))?.eta_ms).toBeNull();
  const claim = await journal.claim('first', 'cpu');
  if (claim === undefined) throw new Error('nothing to claim');
  const step = { type: 'step', attempt: 1, image: 0, steps: 3, leader: null } as const;
  await journal.publish(claim, { ...step, step: 1 });
  await new Promise((resolve) => setTimeout(resolve, 40));
  await journal.publish(claim, { ...step, step: 2 });
  const eta = (await journal.read(LOCAL, 'first'))?.eta_ms ?? 0;
  expect(eta).toBeGreaterThan(20);
  expect(eta).toBeLessThan(500);
  await journal.finish(claim, { status: 'completed', outcome: OUTCOME });
  expect((await journal.read(LOCAL, 'first'))?.eta_ms).toBeNull();

  await admit('second');
  await admit('twice-the-work', { work: 2 * NEW_JOB.work });
  const [second, twice] = await Promise.all(['second', 'twice-the-work'].map((id) => journal.read(LOCAL, id)));
  expect(second?.eta_ms).toBeGreaterThanOrEqual(40);
  expect(twice?.eta_ms).toBeGreaterThan(2.5 * (second?.eta_ms ?? 0));
});
