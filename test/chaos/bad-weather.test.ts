import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Settings } from '../../src/config/settings.ts';
import { type Gateway, openGateway } from '../../src/main/open-gateway.ts';
import { until } from '../support/processes.ts';
import { allEvents, readEvents } from '../support/read-events.ts';
import { SILENT, startTestRedis, type TestRedis } from '../support/redis.ts';
import { jsonOf, postJson, SMALL_REQUEST, testSettings } from '../support/test-service.ts';
import { type StartedWorker, startWorkerProgram } from '../support/worker-program.ts';

/** What surrounds the service fails while jobs run: memory of Redis, the disk, the clock, a file. Each time there is a clear error, or none. */

const GOLDEN = join(import.meta.dirname, '../golden');
const LORA = 'kohya-attention-r4';

let redis: TestRedis;
let home: string;
let settings: Settings;
let gateway: Gateway;
let workers: StartedWorker[] = [];

beforeAll(async () => {
  redis = await startTestRedis();
  home = await mkdtemp(join(tmpdir(), 'overtone-weather-'));
  await cp(join(GOLDEN, 'checkpoint'), join(home, 'tiny'), { recursive: true });
  for (const folder of ['data', 'loras']) await mkdir(join(home, folder));
  await copyLora();
  settings = {
    ...testSettings(join(home, 'data')),
    redisUrl: redis.url,
    model: join(home, 'tiny'),
    loras: join(home, 'loras'),
    profiles: 'off',
    concurrency: 2,
  };
  gateway = await openGateway(settings, SILENT);
});

afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.kill()));
  workers = [];
});

afterAll(async () => {
  await gateway?.close();
  await redis?.close();
  await rm(home, { recursive: true, force: true });
});

const at = (path: string) => `${gateway.httpUrl}${path}`;
const copyLora = () => cp(join(GOLDEN, `loras/${LORA}.safetensors`), join(home, `loras/${LORA}.safetensors`));
const generate = (body: object) => jsonOf(postJson(at('/v1/generations'), body, { prefer: 'wait=60' }));

async function startWorker(env: Record<string, string> = {}): Promise<StartedWorker> {
  const worker = await startWorkerProgram(settings, env);
  workers.push(worker);
  await until('the gateway knows it', async () => (await fetch(at('/readyz'))).status === 200);
  return worker;
}

test('while Redis is out of memory nothing is accepted, in words; what runs goes on once there is room', async () => {
  await startWorker();
  const { urls } = await jsonOf(postJson(at('/v1/generations'), { ...SMALL_REQUEST, steps: 60 }));
  const control = redis.connect();
  for await (const { name, data } of readEvents(await fetch(at(urls.events)))) {
    if (name !== 'step' || data.step !== 2) continue;
    await control.config('SET', 'maxmemory', '1');
    const refused = await postJson(at('/v1/generations'), SMALL_REQUEST);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('5');
    expect(await jsonOf(refused)).toMatchObject({ code: 'unavailable' });
    await control.config('SET', 'maxmemory', '0');
    break;
  }
  expect((await allEvents(await fetch(at(urls.events)))).at(-1)?.name).toBe('completed');
  expect((await generate(SMALL_REQUEST)).status).toBe('completed');
});

test('a job that cannot store its picture fails in words, and the next one is well once there is room', async (context) => {
  const folder = join(home, 'data');
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', folder], { stdio: 'pipe' });
  } catch {
    context.skip('a disk that is full needs a file system of its own, which only root may mount');
  }
  onTestFinished(() => void execFileSync('umount', ['-l', folder]));
  await startWorker();
  const { bavail, bsize } = await statfs(folder);
  await writeFile(join(folder, 'filler'), Buffer.alloc(bavail * bsize));
  expect(await generate({ ...SMALL_REQUEST, seed: 1 })).toMatchObject({
    status: 'failed',
    error: { code: 'storage_unavailable', status: 503 },
  });
  await rm(join(folder, 'filler'));
  const { status, urls } = await generate({ ...SMALL_REQUEST, seed: 1 });
  expect(status).toBe('completed');
  expect((await fetch(at(`${urls.images}/0`))).status).toBe(200);
});

/** Moves a process' clock by so many hours whenever it gets SIGUSR2. */
const CLOCK = `
const real = Date.now.bind(Date);
let shift = 0;
const hours = [1, -2];
process.on('SIGUSR2', () => { shift += (hours.shift() ?? 0) * 3600e3; });
Date.now = () => real() + shift;
`;

test('a clock that jumps an hour on and two hours back costs no job, and no try', async () => {
  const worker = await startWorker({ NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(CLOCK)}` });
  const { urls } = await jsonOf(postJson(at('/v1/generations'), { ...SMALL_REQUEST, steps: 30 }));
  for await (const { name, data } of readEvents(await fetch(at(urls.events)))) {
    if (name === 'step' && (data.step === 2 || data.step === 20)) process.kill(worker.pid, 'SIGUSR2');
  }
  expect(await jsonOf(fetch(at(urls.self)))).toMatchObject({ status: 'completed', attempt: 1 });
  expect(await generate({ ...SMALL_REQUEST, deadline_ms: 60_000 })).toMatchObject({ status: 'completed', attempt: 1 });
});

test('a LoRA whose file is deleted in mid-job is used to the end; a job that comes after it is refused', async () => {
  await startWorker();
  const request = { ...SMALL_REQUEST, steps: 12, loras: [{ id: LORA }] };
  const undisturbed = await generate(request);
  const { urls } = await jsonOf(postJson(at('/v1/generations'), request));
  for await (const { name, data } of readEvents(await fetch(at(urls.events)))) {
    if (name === 'step' && data.step === 2) await rm(join(home, `loras/${LORA}.safetensors`));
  }
  const disturbed = await jsonOf(fetch(at(urls.self)));
  expect(disturbed.result.images[0]?.sha256).toBe(undisturbed.result.images[0]?.sha256);
  expect(await jsonOf(postJson(at('/v1/generations'), request))).toMatchObject({ status: 404, code: 'lora_not_found' });
  await copyLora();
  expect((await generate(request)).result.images[0]?.sha256).toBe(undisturbed.result.images[0]?.sha256);
});
