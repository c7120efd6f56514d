import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { WorkerReport } from '../../src/contract/worker-report.ts';
import { createWorkerRegistry, type WorkerRegistry } from '../../src/store/worker-registry.ts';
import { descriptor } from '../support/model-descriptor.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';

let server: TestRedis;
let redis: Redis;
let worker: WorkerRegistry;
let gateway: WorkerRegistry;

beforeAll(async () => {
  server = await startTestRedis();
  redis = server.connect();
  worker = createWorkerRegistry(redis, Date.now);
  gateway = createWorkerRegistry(redis, Date.now);
});

afterAll(() => server?.close());

const report: WorkerReport = { worker: 'one', model: 'tiny', device: 'cpu', state: 'ready', descriptor };

test('what a worker says again is the same object, by which more can be remembered', async () => {
  await worker.report(report);
  const [first] = await gateway.list();
  const [known] = await gateway.knownModels();
  await worker.report(report);

  expect((await gateway.list())[0]).toBe(first);
  expect((await gateway.knownModels())[0]).toBe(known);
  expect(known).toEqual(descriptor);
});

test('what a worker says anew is read anew, and one that goes is forgotten', async () => {
  const changed = { ...descriptor, sha256: 'e'.repeat(64) };
  await worker.report({ ...report, descriptor: changed });
  await worker.report({ ...report, worker: 'two' });

  const reports = await gateway.list();
  expect(new Map(reports.map((said) => [said.worker, said.descriptor?.sha256]))).toEqual(
    new Map([
      ['one', changed.sha256],
      ['two', descriptor.sha256],
    ]),
  );
  await worker.withdraw('one');
  expect((await gateway.list()).map((said) => said.worker)).toEqual(['two']);
});
