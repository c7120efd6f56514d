import { createHash } from 'node:crypto';
import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startWorkerProcess, type WorkerProcess } from '../../src/main/worker-process.ts';
import { GOLDEN_LORAS } from '../support/golden-engine.ts';
import { SILENT } from '../support/redis.ts';
import { startTestS3, type TestS3 } from '../support/s3.ts';
import { jsonOf, postJson, SMALL_REQUEST, startTestService, type TestService } from '../support/test-service.ts';

/** A gateway and two workers that share Redis and a bucket, and no folder: uploaded LoRAs and pictures lie in the bucket alone. */

let s3: TestS3;
let service: TestService;
let second: WorkerProcess;

beforeAll(async () => {
  s3 = await startTestS3();
  service = await startTestService({ ...s3.settings, profiles: 'off' });
  const { settings, redisUrl } = service;
  let ready = () => {};
  const isReady = new Promise<void>((resolve) => {
    ready = resolve;
  });
  second = startWorkerProcess({
    settings: { ...settings, redisUrl, cache: join(settings.data, 'cache-of-the-second') },
    onState: ({ kind }) => kind === 'ready' && ready(),
    logger: SILENT,
  });
  await isReady;
});

afterAll(async () => {
  await second?.close();
  await service?.close();
  await s3?.close();
});

const at = (path: string) => `${service.httpUrl}${path}`;

async function upload(id: string, golden: string) {
  const file = await readFile(join(GOLDEN_LORAS, `${golden}.safetensors`));
  const form = new FormData();
  form.append('id', id);
  form.append('file', new Blob([file]), 'lora.safetensors');
  const response = await fetch(at('/v1/loras'), { method: 'POST', body: form });
  return { response, sha256: createHash('sha256').update(file).digest('hex') };
}

const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

async function outcomeOf(id: string) {
  await (await fetch(at(`/v1/generations/${id}/events`))).text();
  return await jsonOf(fetch(at(`/v1/generations/${id}`)));
}

test('two workers fetch an uploaded LoRA once each for ten jobs, and all pictures are in the bucket', async () => {
  const { response, sha256 } = await upload('shared', 'kohya-full-mixed');
  expect(response.status).toBe(201);
  const request = { ...SMALL_REQUEST, loras: [{ id: 'shared' }] };
  const jobs = await Promise.all(
    Array.from({ length: 10 }, (_, seed) => jsonOf(postJson(at('/v1/generations'), { ...request, seed: seed + 1 }))),
  );
  const outcomes = await Promise.all(jobs.map(({ id }) => outcomeOf(id)));
  expect(outcomes.map(({ status }) => status)).toEqual(jobs.map(() => 'completed'));
  const fetched = s3.requests.filter((line) => line.startsWith('GET') && line.endsWith(sha256.slice(2)));
  const caches = ['cache/gateway', 'cache/worker-cpu', 'cache-of-the-second'];
  const holders = await Promise.all(caches.map((cache) => isThere(join(service.settings.data, cache, sha256))));
  expect(fetched).toHaveLength(holders.filter(Boolean).length);
  expect(fetched.length).toBeGreaterThanOrEqual(2);
  expect(await isThere(join(service.settings.data, 'blobs'))).toBe(false);

  const [first] = outcomes;
  const picture = await fetch(at(`/v1/generations/${first?.id}/images/0`));
  const bytes = Buffer.from(await picture.arrayBuffer());
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(first?.result.images[0]?.sha256);
  const link = await fetch(at(`/v1/generations/${first?.id}/images/0/link`));
  const { url } = (await link.json()) as { readonly url: string };
  expect(url).toContain(s3.settings.s3Endpoint);
  expect(Buffer.from(await (await fetch(url)).arrayBuffer())).toEqual(bytes);
});

test('while the bucket is away an upload is refused whole, and a job waits for it', async () => {
  await s3.stop();
  const refused = await upload('away', 'peft-attention-r8');
  expect(refused.response.status).toBe(503);
  expect(refused.response.headers.get('retry-after')).not.toBeNull();
  expect((await fetch(at('/v1/loras/away'))).status).toBe(404);
  expect(await readdir(join(service.settings.data, 'uploads'))).toEqual([]);
  const { id } = await jsonOf(postJson(at('/v1/generations'), { ...SMALL_REQUEST, seed: 100 }));
  await new Promise((resolve) => setTimeout(resolve, 1000));
  await s3.start();
  expect(await outcomeOf(id)).toMatchObject({ status: 'completed' });
  expect((await fetch(at(`/v1/generations/${id}/images/0`))).status).toBe(200);
  expect((await upload('away', 'peft-attention-r8')).response.status).toBe(201);
});
