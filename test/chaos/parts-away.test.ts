import { type ChildProcess, fork } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { environmentOf, type Settings } from '../../src/config/settings.ts';
import { type Gateway, openGateway } from '../../src/main/open-gateway.ts';
import { engineOf, until } from '../support/processes.ts';
import { readEvents } from '../support/read-events.ts';
import { SILENT, startTestRedis, type TestRedis } from '../support/redis.ts';
import { jsonOf, postJson, SMALL_REQUEST, testSettings } from '../support/test-service.ts';

/** A deployment of several programs around one Redis, of which parts go away: a worker, Redis, all workers. */

const GOLDEN = join(import.meta.dirname, '../golden');
const WORKER = join(import.meta.dirname, '../../dist/main/worker.js');

let redis: TestRedis;
let data: string;
let settings: Settings;
let gateway: Gateway;
let workers: ChildProcess[] = [];

beforeAll(async () => {
  redis = await startTestRedis();
  data = await mkdtemp(join(tmpdir(), 'overtone-parts-'));
  await cp(join(GOLDEN, 'checkpoint'), join(data, 'tiny'), { recursive: true });
  settings = { ...testSettings(data), redisUrl: redis.url, model: join(data, 'tiny'), concurrency: 2 };
  gateway = await openGateway(settings, SILENT);
});

afterEach(async () => {
  for (const worker of workers) worker.kill('SIGKILL');
  await until('all workers are gone', () => workers.every(hasEnded));
  workers = [];
  await redis.connect().flushall();
});

afterAll(async () => {
  await gateway?.close();
  await redis?.close();
  await rm(data, { recursive: true, force: true });
});

const at = (path: string) => `${gateway.httpUrl}${path}`;

/** Resolves when the worker's engine is ready. */
async function startWorker(): Promise<ChildProcess> {
  const worker = fork(WORKER, [], {
    env: { ...process.env, ...environmentOf(settings) },
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  workers.push(worker);
  await new Promise<void>((resolve, reject) => {
    worker.on('message', (state: { kind: string }) => state.kind === 'ready' && resolve());
    worker.once('exit', () => reject(new Error('the worker ended before it was ready')));
  });
  return worker;
}

const hasEnded = (worker: ChildProcess) => worker.exitCode !== null || worker.signalCode !== null;

/** Takes the golden checkpoint far longer than anything here waits for. */
const LONG_REQUEST = { ...SMALL_REQUEST, steps: 150, n: 8 };

const countOf = async (state: string) => {
  const { workers } = (await (await fetch(at('/readyz'))).json()) as { workers: readonly { state: string }[] };
  return workers.filter((worker) => worker.state === state).length;
};

/**
 * Measured at 5 to 7 s on a quiet machine. BullMQ's own defaults take a minute: that is what this bound tells apart, with room for a
 * machine whose two cores are busy with something else.
 */
const RECOVERY_BOUND_MS = 20_000;

test('the job of a killed worker runs again on another, long before the queue would notice by its defaults', async () => {
  const first = await startWorker();
  await until('the first worker is ready', async () => (await countOf('ready')) === 1);
  const { urls } = await jsonOf(postJson(at('/v1/generations'), LONG_REQUEST));
  let killedAt = 0;
  let recoveryMs = 0;
  let last = '';
  for await (const { name, data: event } of readEvents(await fetch(at(urls.events)))) {
    last = name;
    if (name === 'step' && event.step === 2 && killedAt === 0) {
      // The second one comes when the first has the job, so that it is sure whose job it is.
      await startWorker();
      first.kill('SIGKILL');
      killedAt = Date.now();
    }
    if (name === 'started' && event.attempt === 2) {
      recoveryMs = Date.now() - killedAt;
      await fetch(at(urls.cancel), { method: 'POST' });
    }
  }
  expect(last).toBe('cancelled');
  expect(recoveryMs).toBeGreaterThan(0);
  expect(recoveryMs).toBeLessThanOrEqual(RECOVERY_BOUND_MS);
});

test('a worker that is asked to stop finishes what it can, hands back the rest, and its engine goes with it', async () => {
  const first = await startWorker();
  await until('the worker is ready', async () => (await countOf('ready')) === 1);
  const short = await jsonOf(postJson(at('/v1/generations'), { ...SMALL_REQUEST, steps: 4 }));
  const long = await jsonOf(postJson(at('/v1/generations'), LONG_REQUEST));
  await until('both run', async () => (await jsonOf(fetch(at(long.urls.self)))).status === 'running');
  const engine = engineOf(first.pid);
  first.kill('SIGTERM');
  await until('it has stopped', () => first.exitCode !== null, 15_000);
  expect(first.exitCode).toBe(0);
  expect(() => process.kill(engine ?? 0, 0)).toThrow('ESRCH');
  expect((await jsonOf(fetch(at(short.urls.self)))).status).toBe('completed');
  expect(await jsonOf(fetch(at(long.urls.self)))).toMatchObject({ status: 'queued', attempt: 1 });
  expect(await countOf('ready')).toBe(0);

  await startWorker();
  await until(
    'the other is done',
    async () => (await jsonOf(fetch(at(long.urls.self)))).status === 'completed',
    60_000,
  );
  expect((await jsonOf(fetch(at(long.urls.self)))).attempt).toBe(2);
});

test('without a worker a request is turned away, not queued', async () => {
  expect((await fetch(at('/readyz'))).status).toBe(503);
  const response = await postJson(at('/v1/generations'), SMALL_REQUEST);
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toBe('5');
  expect((await jsonOf(response)).code).toBe('no_worker');
});

test('while a worker loads for the first time, it is said how far it is', async () => {
  const ready = startWorker();
  await until('it is loading', async () => (await countOf('loading')) === 1);
  const readiness = (await (await fetch(at('/readyz'))).json()) as Record<string, unknown>;
  expect(readiness).toMatchObject({ status: 'loading', redis: 'ok', workers: [{ model: 'tiny', device: 'cpu' }] });
  expect((await jsonOf(postJson(at('/v1/generations'), SMALL_REQUEST))).code).toBe('no_worker');
  await ready;
});

test('while Redis is away every answer is a quick 503; afterwards the running job is finished', async () => {
  await startWorker();
  await until('the worker is ready', async () => (await countOf('ready')) === 1);
  const { id, urls } = await jsonOf(postJson(at('/v1/generations'), { ...SMALL_REQUEST, steps: 150, n: 3 }));
  await until('it runs', async () => (await jsonOf(fetch(at(urls.self)))).status === 'running');

  const pid = redis.pid();
  process.kill(pid ?? 0, 'SIGKILL');
  const start = Date.now();
  const answers = await Promise.all([
    postJson(at('/v1/generations'), SMALL_REQUEST),
    fetch(at(urls.self)),
    fetch(at(urls.events)),
    fetch(at(urls.cancel), { method: 'POST' }),
    fetch(at('/readyz')),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([503, 503, 503, 503, 503]);
  expect(await answers[4]?.json()).toMatchObject({ status: 'unavailable', redis: 'unreachable' });
  expect((await jsonOf(answers[1] as Response)).code).toBe('unavailable');
  expect(Date.now() - start).toBeLessThan(3000);
  expect((await fetch(at('/livez'))).status).toBe(200);

  await until('Redis is back', async () => (await fetch(at('/readyz'))).status === 200);
  await until('the job is done', async () => (await jsonOf(fetch(at(urls.self)))).status === 'completed', 60_000);
  expect((await jsonOf(fetch(at(urls.self)))).id).toBe(id);
  const next = await postJson(at('/v1/generations'), SMALL_REQUEST, { prefer: 'wait=30' });
  expect(next.status).toBe(201);
});
