import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { problemDetails } from '../../src/contract/errors.ts';
import { LOCAL } from '../../src/contract/principal.ts';
import { BLOBS_KEY, holdersKey, recordKey } from '../../src/contract/redis-keys.ts';
import {
  type BlobLedger,
  createBlobLedger,
  jobHolder,
  passingHolder,
  resultHolder,
} from '../../src/store/blob-ledger.ts';
import type { BlobStore } from '../../src/store/blob-store.ts';
import { createDiskBlobs } from '../../src/store/disk-blobs.ts';
import { createJobJournal, type JobJournal } from '../../src/store/job-journal.ts';
import { sweep } from '../../src/store/sweep.ts';
import { ACCEPTED_JOB, NEW_JOB, OUTCOME } from '../support/accepted-job.ts';
import { SILENT, startTestRedis, type TestRedis } from '../support/redis.ts';

/** Blobs on disk and their holders in a real Redis. `due` is moved by hand, so that nothing waits for a clock. */

let server: TestRedis;
let redis: Redis;
let directory: string;
let blobs: BlobStore;
let ledger: BlobLedger;

beforeAll(async () => {
  server = await startTestRedis();
  redis = server.connect();
  directory = await mkdtemp(join(tmpdir(), 'overtone-ledger-'));
});

afterAll(async () => {
  await server.close();
  await rm(directory, { recursive: true, force: true });
});

beforeEach(async () => {
  await redis.flushall();
  blobs = createDiskBlobs(directory);
  ledger = createBlobLedger(redis);
});

const store = () => blobs.put(randomBytes(20));
const isThere = async (sha256: string) => (await blobs.get(sha256)) !== undefined;

/** A sweep at a time at which it looks at everything. */
async function sweepAll(parts: { readonly ledger?: BlobLedger; readonly blobs?: BlobStore } = {}): Promise<number> {
  for (const sha256 of await redis.zrange(BLOBS_KEY, 0, '-1')) await redis.zadd(BLOBS_KEY, 1, sha256);
  return sweep({ ledger, blobs, logger: SILENT, ...parts });
}

test('a result holds its picture until its record has expired', async () => {
  const sha256 = await store();
  await redis.hset(recordKey('a'), 'status', 'completed');
  await ledger.hold(sha256, resultHolder('a'));
  expect(await sweepAll()).toBe(0);
  expect(await isThere(sha256)).toBe(true);
  await redis.del(recordKey('a'));
  expect(await sweepAll()).toBe(1);
  expect(await isThere(sha256)).toBe(false);
  expect(await redis.zcard(BLOBS_KEY)).toBe(0);
});

test.each([
  ['queued', true],
  ['running', true],
  ['completed', false],
  ['failed', false],
  ['cancelled', false],
])('a job that is %s holds its LoRA: %s', async (status, holds) => {
  const sha256 = await store();
  await redis.hset(recordKey('a'), 'status', status);
  await ledger.hold(sha256, jobHolder('a'));
  await sweepAll();
  expect(await isThere(sha256)).toBe(holds);
});

test('a blob of many results stays for the last of them', async () => {
  const sha256 = await store();
  for (let index = 0; index < 1000; index++) await ledger.hold(sha256, resultHolder(`${index}`));
  await redis.hset(recordKey('777'), 'status', 'completed');
  expect(await sweepAll()).toBe(0);
  await redis.del(recordKey('777'));
  expect(await sweepAll()).toBe(1);
});

test('whoever holds a blob for a moment loses it after that', async () => {
  const [kept, lost] = [await store(), await store()];
  await ledger.hold(kept, passingHolder(Date.now() + 60_000, 'upload'));
  await ledger.hold(lost, passingHolder(Date.now() - 1, 'upload'));
  await sweepAll();
  expect([await isThere(kept), await isThere(lost)]).toEqual([true, false]);
});

describe('the file of an uploaded LoRA', () => {
  let sha256: string;
  let journal: JobJournal;
  const upload = passingHolder(Date.now() + 3600_000, 'upload');
  const submit = () =>
    journal.admit('a', { ...NEW_JOB, job: { ...ACCEPTED_JOB, stored_loras: [sha256] }, idempotency: undefined });

  beforeEach(async () => {
    journal = createJobJournal(redis, 100);
    sha256 = await store();
    await ledger.hold(sha256, upload);
  });

  const ends: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['withdrawn', () => journal.withdraw('a')],
    ['cancelled', () => journal.cancel(LOCAL, 'a')],
    ['abandoned', () => journal.abandon('a', problemDetails(new Error()))],
    [
      'completed',
      async () => {
        const claim = await journal.claim('a', 'cpu');
        return claim && journal.finish(claim, { status: 'completed', outcome: OUTCOME });
      },
    ],
  ];

  test.each(ends)('outlives its LoRA until the job that uses it is %s', async (_, end) => {
    expect(await submit()).toMatchObject({ answer: 'accepted' });
    await ledger.release(sha256, upload);
    await sweepAll();
    expect(await isThere(sha256)).toBe(true);
    await end();
    expect(await redis.exists(holdersKey(sha256))).toBe(0);
    await sweepAll();
    expect(await isThere(sha256)).toBe(false);
  });

  test('is not promised to a job once a sweep has it', async () => {
    await ledger.release(sha256, upload);
    await sweepAll();
    expect(await submit()).toEqual({ answer: 'file gone', sha256 });
    expect(await journal.read(LOCAL, 'a')).toBeUndefined();
  });
});

test('what no ledger knows is not touched', async () => {
  const sha256 = await store();
  await sweepAll();
  expect(await isThere(sha256)).toBe(true);
});

test('a sweep does as much as it may, and no more', async () => {
  for (let index = 0; index < 5; index++) await ledger.hold(await store(), resultHolder('gone'));
  for (const sha256 of await redis.zrange(BLOBS_KEY, 0, '-1')) await redis.zadd(BLOBS_KEY, 1, sha256);
  expect(await sweep({ ledger, blobs, logger: SILENT }, 3)).toBe(3);
  expect(await redis.zcard(BLOBS_KEY)).toBe(2);
});

test('nobody holds a blob that a sweep is removing: whoever wants it waits, and stores it again', async () => {
  const bytes = randomBytes(20);
  const sha256 = await blobs.put(bytes);
  await ledger.hold(sha256, resultHolder('gone'));
  let stored: Promise<void> = Promise.resolve();
  const slow: BlobStore = {
    ...blobs,
    async remove(name) {
      await redis.hset(recordKey('new'), 'status', 'running');
      stored = ledger.hold(sha256, resultHolder('new')).then(async () => void (await blobs.put(bytes)));
      await new Promise((resolve) => setTimeout(resolve, 300));
      await blobs.remove(name);
    },
  };
  expect(await sweepAll({ blobs: slow })).toBe(1);
  await stored;
  expect(await isThere(sha256)).toBe(true);
  expect(await sweepAll()).toBe(0);
});

test('two gateways that sweep at once, and workers that store the same pictures, lose none that is held', async () => {
  const pictures = Array.from({ length: 30 }, () => randomBytes(20));
  const work = pictures.map(async (bytes, index) => {
    for (let round = 0; round < 10; round++) {
      const job = `${index}-${round}`;
      const sha256 = await blobs.put(bytes);
      await redis.hset(recordKey(job), 'status', 'completed');
      await ledger.hold(sha256, resultHolder(job));
      await blobs.put(bytes);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
      expect(await isThere(sha256)).toBe(true);
      await redis.del(recordKey(job));
    }
  });
  let isDone = false;
  const others = [0, 1].map(async () => {
    let removed = 0;
    while (!isDone) removed += await sweepAll({ ledger: createBlobLedger(redis) });
    return removed;
  });
  await Promise.all(work);
  isDone = true;
  const removed = (await Promise.all(others)).reduce((sum, count) => sum + count, 0);
  expect(removed).toBeGreaterThan(0);
});

test('a removal that failed is done by a later sweep', async () => {
  const sha256 = await store();
  await ledger.hold(sha256, resultHolder('gone'));
  const away: BlobStore = { ...blobs, remove: () => Promise.reject(new Error('away')) };
  await expect(sweepAll({ blobs: away })).rejects.toThrow('away');
  await redis.del(...(await redis.keys('*condemned*')));
  expect(await sweepAll()).toBe(1);
  expect(await isThere(sha256)).toBe(false);
});
