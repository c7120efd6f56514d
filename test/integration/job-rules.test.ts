import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Settings } from '../../src/config/settings.ts';
import { recordKey } from '../../src/contract/redis-keys.ts';
import { openGrpcClient } from '../../src/grpc/client.ts';
import { type Gateway, openGateway } from '../../src/main/open-gateway.ts';
import { createJobJournal, type JobJournal } from '../../src/store/job-journal.ts';
import { OUTCOME } from '../support/accepted-job.ts';
import { descriptor } from '../support/model-descriptor.ts';
import { playWorker } from '../support/played-worker.ts';
import { until } from '../support/processes.ts';
import { SILENT, startTestRedis, type TestRedis } from '../support/redis.ts';
import { jsonOf, postJson, testSettings } from '../support/test-service.ts';

/** The rules of acceptance as clients meet them, by both doors of a real gateway. Jobs wait: nobody runs them but the tests. */

let redis: TestRedis;
let data: string;
let gateway: Gateway;
let journal: JobJournal;
let stopWorker: () => void;
const REQUEST = { prompt: 'a pier', steps: 3, seed: 1 };
const MAX_WAITING = 6;
const MAX_OUTSTANDING = 4;

beforeAll(async () => {
  redis = await startTestRedis();
  data = await mkdtemp(join(tmpdir(), 'overtone-rules-'));
  const settings: Settings = {
    ...testSettings(data),
    redisUrl: redis.url,
    maxWaiting: MAX_WAITING,
    maxOutstanding: MAX_OUTSTANDING,
  };
  gateway = await openGateway(settings, SILENT);
  journal = createJobJournal(redis.connect(), settings.resultLifetimeS);
});

beforeEach(async () => {
  await redis.connect().flushall();
  stopWorker?.();
  stopWorker = await playWorker(redis.connect(), descriptor);
});

afterAll(async () => {
  stopWorker?.();
  await gateway?.close();
  await redis?.close();
  await rm(data, { recursive: true, force: true });
});

const at = (path: string) => `${gateway.httpUrl}${path}`;
const post = (body: object = REQUEST, headers: Record<string, string> = {}) =>
  postJson(at('/v1/generations'), body, headers);

test('the same idempotency key with the same request is answered with the first generation, by either door', async () => {
  const first = await post(REQUEST, { 'idempotency-key': 'key-1' });
  const again = await post({ seed: 1, steps: 3, prompt: 'a pier' }, { 'idempotency-key': 'key-1' });
  expect([first.status, again.status]).toEqual([202, 202]);
  expect([first, again].map(({ headers }) => headers.get('idempotent-replayed'))).toEqual([null, 'true']);
  const { id } = await jsonOf(first.clone());
  expect(await again.json()).toEqual(await first.json());

  const client = openGrpcClient(gateway.grpcAddress, { idempotencyKey: 'key-1' });
  expect((await client.call('Submit', REQUEST)).id).toBe(id);
  await expect(client.call('Submit', { ...REQUEST, seed: 2 })).rejects.toMatchObject({
    code: status.FAILED_PRECONDITION,
  });
  client.close();
  expect(await journal.countUnended()).toBe(1);
});

test('the same idempotency key with another request is a conflict; a key that is none is refused', async () => {
  await post(REQUEST, { 'idempotency-key': 'key-1' });
  const other = await post({ ...REQUEST, seed: 2 }, { 'idempotency-key': 'key-1' });
  expect(other.status).toBe(409);
  expect((await jsonOf(other)).code).toBe('idempotency_conflict');
  for (const key of ['x'.repeat(256), 'two words']) {
    expect((await post(REQUEST, { 'idempotency-key': key })).status).toBe(422);
  }
});

test('the first answer holds also where the request could not be accepted any longer', async () => {
  const { id } = await jsonOf(post(REQUEST, { 'idempotency-key': 'key-1' }));
  for (let seed = 2; seed <= MAX_OUTSTANDING; seed++) await post({ ...REQUEST, seed });
  expect((await post({ ...REQUEST, seed: 9 })).status).toBe(429);
  expect((await jsonOf(post(REQUEST, { 'idempotency-key': 'key-1' }))).id).toBe(id);
});

test('one owner too many is 429, too many for the queue is 503; both say when to come back', async () => {
  for (let seed = 0; seed < MAX_OUTSTANDING; seed++) expect((await post({ ...REQUEST, seed })).status).toBe(202);
  const tooMany = await post();
  expect([tooMany.status, tooMany.headers.get('retry-after')]).toEqual([429, '5']);
  expect((await jsonOf(tooMany)).code).toBe('too_many_jobs');

  await redis.connect().flushall();
  await playWorker(redis.connect(), descriptor).then((stop) => stop());
  for (let index = 0; index < MAX_WAITING; index++) {
    await journal.admit(`other-${index}`, {
      owner: `owner-${index}`,
      job: { request: { ...OUTCOME, model: descriptor.id } as never, loras: [], warnings: [] },
      priority: 'normal',
      deadlineMs: undefined,
      work: 1,
      kind: 'merge',
      idempotency: undefined,
      bounds: { waiting: MAX_WAITING, outstanding: 10 },
    });
  }
  const full = await post();
  expect([full.status, full.headers.get('retry-after')]).toEqual([503, '5']);
  expect((await jsonOf(full)).code).toBe('queue_full');
});

test('a waiting generation says its place, and how long it will be once anything has been measured', async () => {
  const ids: string[] = [];
  for (let seed = 0; seed < 3; seed++) ids.push((await jsonOf(post({ ...REQUEST, seed }))).id);
  const view = async (id = '') => (await (await fetch(at(`/v1/generations/${id}`))).json()) as Record<string, unknown>;
  expect(await view(ids[2])).toMatchObject({ status: 'queued', queue_position: 2, eta_ms: null });
  const claim = await journal.claim(ids[0] ?? '', 'cpu');
  if (claim === undefined) throw new Error('nothing to claim');
  await new Promise((resolve) => setTimeout(resolve, 20));
  await journal.finish(claim, { status: 'completed', outcome: OUTCOME });
  const { queue_position: position, eta_ms: eta } = await view(ids[2]);
  expect(position).toBe(1);
  expect(Number(eta)).toBeGreaterThanOrEqual(40);
  expect(await view(ids[0])).toMatchObject({ status: 'completed', queue_position: null, eta_ms: null });
  const client = openGrpcClient(gateway.grpcAddress);
  expect(await client.call('Get', { id: ids[2] })).toMatchObject({ queue_position: 1 });
  client.close();
});

test('a generation whose deadline passes while it waits fails by itself', async () => {
  const { urls } = await jsonOf(post({ ...REQUEST, deadline_ms: 1 }));
  await until('it has failed', async () => (await jsonOf(fetch(at(urls.self)))).status === 'failed', 5000);
  expect(await (await fetch(at(urls.self))).json()).toMatchObject({
    error: { code: 'deadline_exceeded', status: 504 },
  });
});

test('a generation that was kept for its time is 410, and one that never was is 404', async () => {
  const { id, urls } = await jsonOf(post());
  await fetch(at(urls.cancel), { method: 'POST' });
  await redis.connect().del(recordKey(id));
  for (const path of [urls.self, urls.events, `${urls.images}/0`]) {
    const response = await fetch(at(path));
    expect([path, response.status]).toEqual([path, 410]);
    expect((await jsonOf(response)).code).toBe('expired');
  }
  expect((await fetch(at(urls.cancel), { method: 'POST' })).status).toBe(410);
  expect((await fetch(at(`/v1/generations/${'0'.repeat(26)}`))).status).toBe(404);
});
