import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { problemDetails, ServiceError } from '../../src/contract/errors.ts';
import type { LoraInUse } from '../../src/contract/generation-result.ts';
import { LOCAL, type Principal } from '../../src/contract/principal.ts';
import { CANCEL_CHANNEL, eventsKey, KEY_PREFIX, recordKey } from '../../src/contract/redis-keys.ts';
import { type Claim, createJobJournal, type JobJournal, type NewJob } from '../../src/store/job-journal.ts';
import { ACCEPTED_JOB, NEW_JOB, OUTCOME, RECEIPT } from '../support/accepted-job.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';

let server: TestRedis;
let redis: Redis;
let journal: JobJournal;
const ID = 'a-job';
const LIFETIME_S = 100;

beforeAll(async () => {
  server = await startTestRedis();
  redis = server.connect();
  journal = createJobJournal(redis, LIFETIME_S);
});

afterAll(() => server?.close());

beforeEach(async () => {
  await redis.flushall();
  await journal.admit(ID, NEW_JOB);
});

async function claim(): Promise<Claim> {
  const claimed = await journal.claim(ID, 'cpu');
  if (claimed === undefined) throw new Error('nothing to claim');
  return claimed;
}

const events = async () =>
  (await redis.xrange(eventsKey(ID), '-', '+')).map(([, fields]) => JSON.parse(fields[1] ?? ''));
const step = { type: 'step', attempt: 1, image: 0, step: 1, steps: 3, leader: null } as const;
const problem = problemDetails(new ServiceError('internal', ''));

test('a job goes from queued through running to completed, and its result is put together', async () => {
  expect(await journal.read(LOCAL, ID)).toMatchObject({ status: 'queued', attempt: 0, started_at: null, result: null });
  const claimed = await claim();
  expect(claimed).toMatchObject({ owner: 'local', attempt: 1, job: ACCEPTED_JOB, crashes: 0 });
  expect(claimed.queuedMs).toBeGreaterThanOrEqual(0);
  expect(await journal.read(LOCAL, ID)).toMatchObject({ status: 'running', attempt: 1, finished_at: null });
  expect(await journal.publish(claimed, step)).toBe('published');
  expect(await journal.finish(claimed, { status: 'completed', outcome: OUTCOME })).toBe(true);
  expect(await journal.read(LOCAL, ID)).toMatchObject({
    status: 'completed',
    result: { ...OUTCOME, request: ACCEPTED_JOB.request, loras: [] },
    error: null,
  });
  expect(await events()).toEqual([
    { type: 'queued', queue_position: 0 },
    { type: 'started', attempt: 1, device: 'cpu' },
    step,
    { type: 'completed' },
  ]);
});

test('only the newest attempt may publish, and the job ends once', async () => {
  const older = await claim();
  const newer = await claim();
  expect(await journal.publish(older, step)).toBe('fenced');
  expect(await journal.finish(older, { status: 'completed', outcome: OUTCOME })).toBe(false);
  expect(await journal.countCrash(older)).toBe(0);
  expect(await journal.finish(newer, { status: 'failed', error: problem })).toBe(true);
  expect(await journal.finish(newer, { status: 'completed', outcome: OUTCOME })).toBe(false);
  expect(await journal.read(LOCAL, ID)).toMatchObject({ status: 'failed', error: problem, result: null });
  expect((await events()).map(({ type }) => type)).toEqual(['queued', 'started', 'started', 'failed']);
});

test('a job that has ended cannot be claimed again', async () => {
  await journal.finish(await claim(), { status: 'completed', outcome: OUTCOME });
  expect(await journal.claim(ID, 'cpu')).toBeUndefined();
  expect(await journal.claim('unknown', 'cpu')).toBeUndefined();
});

test('what another owner has cannot be read or cancelled', async () => {
  const stranger: Principal = { owner: 'stranger', scopes: ['generate', 'admin'], picturesPerDay: null };
  expect(await journal.read(stranger, ID)).toBeUndefined();
  expect(await journal.cancel(stranger, ID)).toBe('unknown');
  await claim();
  expect(await journal.cancel(stranger, ID)).toBe('unknown');
  expect((await journal.read(LOCAL, ID))?.status).toBe('running');
});

test('a waiting job is cancelled at once', async () => {
  expect(await journal.cancel(LOCAL, ID)).toBe('cancelled');
  expect(await journal.cancel(LOCAL, ID)).toBe('finished');
  expect(await journal.claim(ID, 'cpu')).toBeUndefined();
  expect((await events()).at(-1)).toEqual({ type: 'cancelled' });
});

test('cancelling a running job tells its worker, twice over', async () => {
  const claimed = await claim();
  const heard = new Promise((resolve) => {
    const listener = server.connect();
    listener.subscribe(CANCEL_CHANNEL).then(() => journal.cancel(LOCAL, ID));
    listener.on('message', (_channel, id) => resolve(id));
  });
  expect(await heard).toBe(ID);
  expect(await journal.publish(claimed, step)).toBe('cancel');
  expect(await journal.finish(claimed, { status: 'cancelled' })).toBe(true);
  expect(await journal.read(LOCAL, ID)).toMatchObject({ status: 'cancelled', result: null, error: null });
});

test('a job that was to be cancelled when its worker died does not start again', async () => {
  await claim();
  expect(await journal.cancel(LOCAL, ID)).toBe('cancelling');
  expect(await journal.claim(ID, 'cpu')).toBeUndefined();
  expect((await journal.read(LOCAL, ID))?.status).toBe('cancelled');
});

test('a job that was given back waits, keeps count of its crashes, and can be cancelled at once', async () => {
  const claimed = await claim();
  expect(await journal.countCrash(claimed)).toBe(1);
  await journal.release(claimed);
  expect((await journal.read(LOCAL, ID))?.status).toBe('queued');
  expect(await journal.publish(claimed, step)).toBe('fenced');
  expect(await claim()).toMatchObject({ attempt: 2, crashes: 1 });
});

test('a job that the queue gave up ends with an error, unless it has ended', async () => {
  await claim();
  expect(await journal.abandon(ID, problem)).toBe(true);
  expect(await journal.abandon(ID, problem)).toBe(false);
  expect(await journal.read(LOCAL, ID)).toMatchObject({ status: 'failed', error: problem });
});

test('record and events expire together once the job has ended', async () => {
  await journal.finish(await claim(), { status: 'completed', outcome: OUTCOME });
  for (const key of [recordKey(ID), eventsKey(ID)]) {
    const seconds = await redis.ttl(key);
    expect(seconds).toBeGreaterThan(LIFETIME_S - 5);
    expect(seconds).toBeLessThanOrEqual(LIFETIME_S);
  }
});

test('a Redis that has forgotten the scripts is told them again', async () => {
  await redis.script('FLUSH');
  expect(await claim()).toMatchObject({ attempt: 1 });
});

test('a call that Redis has done and not answered is sent again, and changes nothing', async () => {
  // As ioredis does where Redis dies between the two: here the answer to every first call is dropped.
  const flaky = server.connect();
  const again = createJobJournal(flaky, LIFETIME_S);
  await flaky.ping();
  const send = flaky.evalsha.bind(flaky) as (...args: unknown[]) => Promise<unknown>;
  const evalsha = async (...args: unknown[]) => {
    await send(...args);
    return await send(...args);
  };
  Object.assign(flaky, { evalsha });

  await again.admit('twice', NEW_JOB);
  const claimed = await again.claim('twice', 'cpu');
  if (claimed === undefined) throw new Error('nothing to claim');
  expect(claimed.attempt).toBe(1);
  await again.publish(claimed, step);
  await again.publish(claimed, { ...step, step: 2 });
  expect(await again.countCrash(claimed)).toBe(1);
  await again.finish(claimed, { status: 'completed', outcome: OUTCOME });
  const history = (await redis.xrange(eventsKey('twice'), '-', '+')).map(([, [, text]]) => JSON.parse(text ?? ''));
  expect(history.map(({ type }) => type)).toEqual(['queued', 'started', 'step', 'step', 'completed']);
});

describe('the receipts of a job', () => {
  const FREQUENCY = { frequency_class: 'low', source: 'request', score: null, profile: 'absent' } as const;
  const OTHER = { ...RECEIPT, sha256: 'c'.repeat(64) };
  const LORAS: readonly LoraInUse[] = [
    { id: 'ink', receipt: RECEIPT, frequency: FREQUENCY },
    { id: 'fox', receipt: OTHER },
  ];
  const WITH_LORAS: NewJob = { ...NEW_JOB, job: { ...ACCEPTED_JOB, loras: LORAS } };
  const JOB_MS = LIFETIME_S * 1000;

  const receiptKeys = () => redis.keys(`${KEY_PREFIX}:receipt:*`);
  const lifetimesMs = async () => await Promise.all((await receiptKeys()).map((key) => redis.pttl(key)));

  async function complete(id: string, by = journal): Promise<void> {
    const claimed = await by.claim(id, 'cpu');
    if (claimed === undefined) throw new Error('nothing to claim');
    await by.finish(claimed, { status: 'completed', outcome: OUTCOME });
  }

  test('are part of its result, in the order of its LoRAs', async () => {
    expect(await journal.admit('one', WITH_LORAS)).toMatchObject({ answer: 'accepted' });
    expect(await journal.read(LOCAL, 'one')).toMatchObject({ status: 'queued', result: null });
    await complete('one');
    expect((await journal.read(LOCAL, 'one'))?.result?.loras).toEqual([
      { id: 'ink', ...RECEIPT, frequency: FREQUENCY },
      { id: 'fox', ...OTHER },
    ]);
  });

  test('are kept once for all jobs, and told only where they are not known', async () => {
    const sent: number[] = [];
    const counting = server.connect();
    await counting.ping();
    const send = counting.evalsha.bind(counting) as (...args: unknown[]) => Promise<unknown>;
    const evalsha = async (...args: unknown[]) => {
      sent.push(args.filter((value) => typeof value === 'string' && value.includes('"matched"')).length);
      return await send(...args);
    };
    Object.assign(counting, { evalsha });
    const other = createJobJournal(counting, LIFETIME_S);
    for (const id of ['one', 'two', 'three']) await other.admit(id, WITH_LORAS);
    expect(sent).toEqual([0, 2, 0, 0]);
    expect(await receiptKeys()).toHaveLength(2);
    expect(await redis.hget(recordKey('three'), 'job')).not.toContain('matched');
  });

  test('stay while a job that has not ended needs them, however long that takes, and then as long as its result', async () => {
    await journal.admit('one', WITH_LORAS);
    await journal.admit('two', WITH_LORAS);
    await complete('one');
    expect(await lifetimesMs()).toEqual([-1, -1]);
    await journal.cancel(LOCAL, 'two');
    for (const lifetime of await lifetimesMs()) expect(lifetime).toBeGreaterThan(JOB_MS);
    await journal.admit('three', WITH_LORAS);
    expect(await lifetimesMs()).toEqual([-1, -1]);
  });

  test('stay as long as the longest of the results, where programs were told different lifetimes', async () => {
    await journal.admit('one', WITH_LORAS);
    await complete('one');
    const hasty = createJobJournal(redis, 1);
    await hasty.admit('two', WITH_LORAS);
    await complete('two', hasty);
    for (const lifetime of await lifetimesMs()) expect(lifetime).toBeGreaterThan(JOB_MS);
  });

  test('go with a job that is withdrawn, which counts once even if it had ended', async () => {
    await journal.admit('one', WITH_LORAS);
    await journal.admit('ended', WITH_LORAS);
    await journal.cancel(LOCAL, 'ended');
    await journal.withdraw('ended');
    await journal.withdraw('ended');
    expect(await lifetimesMs()).toEqual([-1, -1]);
    await journal.withdraw('one');
    for (const lifetime of await lifetimesMs()) expect(lifetime).toBeGreaterThan(0);
  });
});
