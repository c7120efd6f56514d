import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { status as grpcStatus, type ServiceError } from '@grpc/grpc-js';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../../src/cli/run.ts';
import { BLOBS_KEY } from '../../src/contract/redis-keys.ts';
import { type GrpcClient, openGrpcClient } from '../../src/grpc/client.ts';
import { createBlobLedger } from '../../src/store/blob-ledger.ts';
import { createDiskBlobs } from '../../src/store/disk-blobs.ts';
import { sweep } from '../../src/store/sweep.ts';
import { GOLDEN_CHECKPOINT } from '../support/golden-checkpoint.ts';
import { GOLDEN_LORAS } from '../support/golden-engine.ts';
import { SILENT } from '../support/redis.ts';
import { jsonOf, postJson, SMALL_REQUEST, startTestService, type TestService } from '../support/test-service.ts';

/** Uploaded LoRAs on a whole service, by both doors: in, used, replayed, deleted, and never of somebody else's bytes. */

let service: TestService;
let grpc: GrpcClient;
let redis: Redis;
/** What was answered when the LoRA of `MIXED` was uploaded, which all tests may use. */
let mixed: Response;
const MIXED = { id: 'mixed', name: 'Mixed media', category: 'style', triggers: ['ink', 'wash, wet'] };

beforeAll(async () => {
  service = await startTestService({ profiles: 'off' });
  grpc = openGrpcClient(service.grpcAddress);
  redis = new Redis({ path: service.redisUrl });
  mixed = await postForm(await goldenFile('kohya-full-mixed'), { ...MIXED, metadata: '{"author":"Ann"}' });
});

afterAll(async () => {
  redis?.disconnect();
  grpc?.close();
  await service?.close();
});

const at = (path: string) => `${service.httpUrl}${path}`;
const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const goldenFile = (name: string) => readFile(join(GOLDEN_LORAS, `${name}.safetensors`));
const digestOf = (bytes: Uint8Array) => `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`;

function postForm(
  file: Uint8Array,
  fields: Readonly<Record<string, string | readonly string[]>> = {},
  name = 'lora.safetensors',
) {
  const form = new FormData();
  for (const [field, value] of Object.entries(fields)) for (const text of [value].flat()) form.append(field, text);
  form.append('file', new Blob([file]), name);
  return fetch(at('/v1/loras'), { method: 'POST', body: form });
}

function postRaw(file: Uint8Array, query: string, headers: Record<string, string>) {
  return fetch(at(`/v1/loras${query}`), {
    method: 'POST',
    body: file,
    headers: { 'content-type': 'application/octet-stream', ...headers },
  });
}

async function generate(request: object) {
  const generation = await jsonOf(
    postJson(at('/v1/generations'), { ...SMALL_REQUEST, ...request }, { prefer: 'wait=60' }),
  );
  expect(generation).toMatchObject({ status: 'completed' });
  return generation;
}

const pictureOf = async (id: string) =>
  Buffer.from(await (await fetch(at(`/v1/generations/${id}/images/0`))).arrayBuffer());

/** The command line, in this process. */
async function overtone(...argv: readonly string[]) {
  const env = { OVERTONE_MODEL: GOLDEN_CHECKPOINT, OVERTONE_LORAS: GOLDEN_LORAS, OVERTONE_LOG_LEVEL: 'silent' };
  const said = { out: '', err: '' };
  const code = await runCli(argv, {
    env,
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      if (!/^(loading|step \d)/.test(text)) said.err += text;
    },
    signal: new AbortController().signal,
  });
  return { code, ...said };
}

/** A sweep at a time at which it looks at every blob. */
async function sweepAll(): Promise<void> {
  for (const sha256 of await redis.zrange(BLOBS_KEY, 0, '-1')) await redis.zadd(BLOBS_KEY, 1, sha256);
  await sweep({ ledger: createBlobLedger(redis), blobs: createDiskBlobs(service.settings.data), logger: SILENT });
}

const uploadsLeft = async () => await readdir(join(service.settings.data, 'uploads')).catch(() => []);

test('a form installs a file with what is said of it, and requests find it by id, name and hash', async () => {
  const file = await goldenFile('kohya-full-mixed');
  expect(mixed.status).toBe(201);
  expect(mixed.headers.get('location')).toBe('/v1/loras/mixed');
  const uploaded = { ...MIXED, metadata: { author: 'Ann' }, sha256: sha256Of(file), bytes: file.length };
  const lora = await mixed.json();
  expect(lora).toMatchObject({ ...uploaded, source: 'upload', format: 'kohya', unmatched: [] });
  expect(await jsonOf(fetch(at('/v1/loras/mixed')))).toMatchObject({ ...uploaded, matched: expect.anything() });
  const list = await jsonOf(fetch(at('/v1/loras?limit=1000')));
  expect(list.loras).toContainEqual(expect.objectContaining({ ...uploaded, source: 'upload' }));
  expect(list.loras).toContainEqual({ id: 'kohya-full-mixed', source: 'folder' });

  const names = [{ id: 'mixed' }, { name: 'Mixed media' }, { sha256: sha256Of(file) }, { id: 'kohya-full-mixed' }];
  const made = await Promise.all(names.map((name) => generate({ loras: [name] })));
  const pixels = made.map(({ result }) => result.images[0] as { readonly pixels_sha256?: string });
  expect(new Set(pixels.map(({ pixels_sha256 }) => pixels_sha256)).size).toBe(1);
  const plain = await generate({});
  expect(plain.result.images[0]).not.toMatchObject({ pixels_sha256: pixels[0]?.pixels_sha256 });
});

test('what calls a LoRA is put behind the prompt where the request asks for it', async () => {
  const plan = (prompt: string, lora: object) =>
    jsonOf(postJson(at('/v1/generations:plan'), { prompt, loras: [lora] }));
  const asked = { id: 'mixed', trigger: 'inject' };
  expect(await plan('a fox', asked)).toMatchObject({ request: { prompt: 'a fox, ink, wash, wet' } });
  expect(await plan('INK on a fox', asked)).toMatchObject({ request: { prompt: 'INK on a fox, wash, wet' } });
  expect(await plan('a fox', { id: 'mixed' })).toMatchObject({ request: { prompt: 'a fox' } });
  expect(await plan('a fox', { id: 'kohya-full-mixed', trigger: 'inject' })).toMatchObject({
    status: 422,
    problems: [{ subject: 'loras[0].trigger' }],
  });
});

test('raw bytes are installed when they are those of their digest, and not otherwise', async () => {
  const file = await goldenFile('peft-attention-r8');
  const other = digestOf(Buffer.from('other'));
  const legacy = `SHA-256=${createHash('sha256').update(file).digest('base64')}`;
  expect((await postRaw(file, '?id=raw', { 'repr-digest': other })).status).toBe(422);
  expect((await postRaw(file, '?id=raw', {})).status).toBe(422);
  expect((await postRaw(file, '?id=raw', { digest: 'md5=abc' })).status).toBe(422);
  expect((await fetch(at('/v1/loras/raw'))).status).toBe(404);
  const response = await postRaw(file, '?id=raw&triggers=a&triggers=b', { 'repr-digest': digestOf(file) });
  expect([response.status, await response.json()]).toMatchObject([
    201,
    { id: 'raw', triggers: ['a', 'b'], name: 'raw' },
  ]);
  // The same again under its id says the same anew; other bytes do not take its place.
  expect((await postRaw(file, '?id=raw&name=Raw', { digest: legacy })).status).toBe(200);
  const taken = await postForm(await goldenFile('peft-full-metadata'), { id: 'raw' });
  expect([taken.status, await taken.json()]).toMatchObject([409, { code: 'lora_exists' }]);
  expect(await jsonOf(fetch(at('/v1/loras/raw')))).toMatchObject({ name: 'Raw', sha256: sha256Of(file) });
  expect(await uploadsLeft()).toEqual([]);
});

test.each(['sdxl', 'truncated', 'nothing-matches', 'other-width', 'header-claims-2gb'])(
  '%s is refused with what is wrong with it, and leaves nothing',
  async (name) => {
    const before = await redis.dbsize();
    const file = await goldenFile(`bad/${name}`);
    const response = await postForm(file, { id: 'bad' });
    const problem = await jsonOf(response);
    expect(response.status).toBe(422);
    expect(problem.problems.length).toBeGreaterThan(0);
    expect(problem.detail).toContain('bad');
    expect((await fetch(at('/v1/loras/bad'))).status).toBe(404);
    expect(await uploadsLeft()).toEqual([]);
    expect(await redis.dbsize()).toBe(before);
  },
);

test('an upload that says nonsense is told all of it', async () => {
  const response = await postForm(await goldenFile('peft-attention-r8'), { id: '../etc', category: 'mood', odd: '1' });
  const { problems, status } = await jsonOf(response);
  expect(status).toBe(422);
  expect(problems.map(({ subject }) => subject).sort()).toEqual(['category', 'id', 'odd']);
  expect(
    (await fetch(at('/v1/loras'), { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }))
      .status,
  ).toBe(415);
  expect((await fetch(at('/v1/loras?limit=0'))).status).toBe(422);
});

test('gRPC takes the same file in pieces, and says the same of it', async () => {
  const file = await goldenFile('legacy-cross-attention-r2');
  const pieces = Array.from({ length: Math.ceil(file.length / 10_000) }, (_, index) =>
    file.subarray(index * 10_000, (index + 1) * 10_000),
  );
  const start = { id: 'pieces', sha256: sha256Of(file), triggers: ['x'], metadata: { by: 'Bo' }, category: 'object' };
  const lora = await grpc.upload(start, pieces);
  expect(lora).toMatchObject({ ...start, source: 'upload', bytes: file.length, receipt: { id: 'pieces' } });
  expect(await grpc.loras('Get', { id: 'pieces' })).toMatchObject({ ...start, receipt: { sha256: start.sha256 } });
  expect(await grpc.loras('List', { limit: 1000 })).toMatchObject({
    loras: expect.arrayContaining([expect.objectContaining({ id: 'pieces' }), { id: 'sdxl', source: 'folder' }]),
  });

  const code = async (call: Promise<unknown>) =>
    (
      await call.then(
        () => undefined,
        (error: ServiceError) => error,
      )
    )?.code;
  expect(await code(grpc.upload({ ...start, sha256: '0'.repeat(64) }, pieces))).toBe(grpcStatus.INVALID_ARGUMENT);
  expect(await code(grpc.upload({ ...start, id: 'other', sha256: undefined }, pieces))).toBe(
    grpcStatus.INVALID_ARGUMENT,
  );
  expect(await code(grpc.upload({ ...start, id: 'short' }, pieces.slice(1)))).toBe(grpcStatus.INVALID_ARGUMENT);
  const sdxl = await goldenFile('bad/sdxl');
  expect(await code(grpc.upload({ id: 'xl', sha256: sha256Of(sdxl) }, [sdxl]))).toBe(grpcStatus.FAILED_PRECONDITION);
  expect(await grpc.loras('Delete', { id: 'pieces' })).toEqual({});
  expect(await code(grpc.loras('Delete', { id: 'pieces' }))).toBe(grpcStatus.NOT_FOUND);
  expect(await code(grpc.loras('Delete', { id: 'sdxl' }))).toBe(grpcStatus.PERMISSION_DENIED);
});

test('a LoRA that is deleted in mid-job harms neither that job nor the one that waits, and is gone after both', async () => {
  const file = await goldenFile('kohya-attention-r4');
  await postForm(file, { id: 'fleeting' });
  const request = { ...SMALL_REQUEST, steps: 20, loras: [{ id: 'fleeting' }] };
  const jobs = await Promise.all(
    [1, 2, 3, 4, 5, 6].map((seed) => jsonOf(postJson(at('/v1/generations'), { ...request, seed }))),
  );
  expect((await fetch(at('/v1/loras/fleeting'), { method: 'DELETE' })).status).toBe(204);
  expect((await fetch(at('/v1/loras/fleeting'), { method: 'DELETE' })).status).toBe(404);
  expect((await postJson(at('/v1/generations'), request)).status).toBe(404);
  await sweepAll();
  const stored = createDiskBlobs(service.settings.data);
  expect(await stored.localPath(sha256Of(file))).toBeDefined();
  for (const { id } of jobs) {
    await fetch(at(`/v1/generations/${id}/events`)).then((response) => response.text());
    expect(await jsonOf(fetch(at(`/v1/generations/${id}`)))).toMatchObject({ status: 'completed' });
  }
  await sweepAll();
  expect(await stored.localPath(sha256Of(file))).toBeUndefined();
  expect((await pictureOf(jobs[0]?.id ?? '')).length).toBeGreaterThan(100);
});

describe('a generation is made again', () => {
  test.each(['png', 'webp', 'jpeg'])('as %s, by both doors, to the same file', async (format) => {
    const loras = [{ id: 'mixed', weight: 0.7 }, { id: 'peft-attention-r8' }];
    const first = await generate({ loras, steps: 2, output: { format }, n: 2 });
    const replayed = await jsonOf(postJson(at(`/v1/generations/${first.id}/replay`), {}));
    const { id: third } = (await grpc.call('Replay', { id: first.id })) as { readonly id: string };
    for (const id of [replayed.id, third]) {
      expect(id).not.toBe(first.id);
      await fetch(at(`/v1/generations/${id}/events`)).then((response) => response.text());
      const { result } = await jsonOf(fetch(at(`/v1/generations/${id}`)));
      expect(result.images.map(({ sha256 }) => sha256)).toEqual(first.result.images.map(({ sha256 }) => sha256));
    }
    const picture = await fetch(at(`/v1/generations/${first.id}/images/0`));
    expect(picture.headers.get('content-type')).toBe(`image/${format}`);
    expect(sha256Of(Buffer.from(await picture.arrayBuffer()))).toBe(first.result.images[0]?.sha256);

    // The second picture, from its file alone: no service, no Redis, LoRAs found by their bytes.
    const file = join(service.settings.data, `second.${format}`);
    await writeFile(file, Buffer.from(await (await fetch(at(`/v1/generations/${first.id}/images/1`))).arrayBuffer()));
    const again = await overtone('replay', file, '--out', `${file}.again`);
    expect(again).toEqual({ code: 0, out: `the same file: sha256 ${first.result.images[1]?.sha256}\n`, err: '' });
    expect(await readFile(`${file}.again`)).toEqual(await readFile(file));
  });

  test('by its bytes, and not once they are gone', async () => {
    const file = await goldenFile('peft-full-metadata');
    await postForm(file, { id: 'passing' });
    const { id, result } = await generate({ loras: [{ id: 'passing' }] });
    await fetch(at('/v1/loras/passing'), { method: 'DELETE' });
    // Other bytes under the old id are not what the picture was made with.
    await postForm(await goldenFile('kohya-feedforward-r6'), { id: 'passing' });
    // The folder has the same file under another name.
    const again = await jsonOf(postJson(at(`/v1/generations/${id}/replay`), {}, { 'idempotency-key': 'again' }));
    await fetch(at(`/v1/generations/${again.id}/events`)).then((response) => response.text());
    expect((await jsonOf(fetch(at(`/v1/generations/${again.id}`)))).result.images).toEqual(result.images);
    expect((await postJson(at(`/v1/generations/${'0'.repeat(26)}/replay`), {})).status).toBe(404);
  });
});

describe('a recipe', () => {
  test('is left out where a request asks for that, by both doors, and the file is the same again', async () => {
    const { id, result } = await generate({ output: { metadata: false } });
    expect(result).toMatchObject({ request: { output: { format: 'png', metadata: false } } });
    const bytes = await pictureOf(id);
    expect(bytes.includes(SMALL_REQUEST.prompt)).toBe(false);
    const replayed = (await grpc.call('Replay', { id })) as { readonly id: string };
    await fetch(at(`/v1/generations/${replayed.id}/events`)).then((response) => response.text());
    expect(await pictureOf(replayed.id)).toEqual(bytes);
    const asked = (await grpc.call('Submit', { ...SMALL_REQUEST, output: { metadata: false } })) as {
      readonly id: string;
    };
    await fetch(at(`/v1/generations/${asked.id}/events`)).then((response) => response.text());
    expect(await pictureOf(asked.id)).toEqual(bytes);
    const file = join(service.settings.data, 'bare.png');
    await writeFile(file, bytes);
    expect(await overtone('recipe', file)).toMatchObject({
      code: 2,
      err: expect.stringContaining('carries no recipe'),
    });
  });

  test('is told from the file alone', async () => {
    const { id, result } = await generate({ loras: [{ id: 'mixed' }], output: { format: 'jpeg', quality: 50 } });
    const file = join(service.settings.data, 'told.jpeg');
    await writeFile(file, await pictureOf(id));
    const { code, out } = await overtone('recipe', file);
    expect(code).toBe(0);
    const { sha256 } = result.loras[0] as unknown as { readonly sha256: string };
    expect(JSON.parse(out)).toMatchObject({
      image: 0,
      seed: 7,
      request: { output: { quality: 50 }, loras: [{ sha256 }] },
    });
  });

  test('that a stranger has changed is checked before anything runs, and a picture without one says so', async () => {
    const { id } = await generate({ loras: [{ id: 'mixed' }] });
    const bytes = await pictureOf(id);
    const file = join(service.settings.data, 'changed.png');
    // Of the same length, so that the chunk that holds it stays whole.
    const refused = async (from: RegExp, to: string) => {
      const text = bytes.toString('latin1');
      expect(text).toMatch(from);
      await writeFile(file, Buffer.from(text.replace(from, to), 'latin1'));
      const { code, err } = await overtone('replay', file);
      expect(code).toBe(2);
      return err;
    };
    expect(await refused(/"steps":3/, '"steps":0')).toContain('steps is 0; must be an integer from 1 to 150');
    expect(await refused(/"width":64/, '"width":32')).toContain('width is 32');
    expect(await refused(/"n":1/, '"n":0')).toContain('n is 0');
    expect(await refused(/"sha256":"./, '"sha256":"z')).toContain('is nowhere; name its folder by --loras');
    expect(await refused(/"model_sha256":"./, '"model_sha256":"z')).toContain('--model has sha256');
    expect(await refused(/overtone\0/, 'overtona\0')).toContain('carries no recipe of Overtone');
    expect(await overtone('recipe', join(GOLDEN_LORAS, 'kohya-full-mixed.safetensors'))).toMatchObject({ code: 2 });
    expect(await overtone('recipe', '/nowhere.png')).toMatchObject({ code: 2 });
  });

  test('of a file that was drawn on is followed all the same, and the file is said to be another', async () => {
    const { id } = await generate({});
    const bytes = await pictureOf(id);
    const file = join(service.settings.data, 'drawn.png');
    await writeFile(file, Buffer.concat([bytes, Buffer.from('!')]));
    expect(await overtone('replay', file)).toMatchObject({ code: 1, out: expect.stringContaining('another file') });
  });
});

describe('a link to a picture', () => {
  test('needs no key, and is good for one picture, one type and so long', async () => {
    const { id } = await generate({ output: { format: 'webp' } });
    const path = `/v1/generations/${id}/images/0/link`;
    const { url } = (await (await fetch(at(`${path}?lifetime_s=60`))).json()) as { readonly url: string };
    const linked = await fetch(at(url));
    expect([linked.status, linked.headers.get('content-type')]).toEqual([200, 'image/webp']);
    expect(Buffer.from(await linked.arrayBuffer())).toEqual(await pictureOf(id));
    const changed = (name: string, value: string) => {
      const link = new URL(at(url));
      link.searchParams.set(name, value);
      return fetch(link);
    };
    expect((await changed('type', 'image/png')).status).toBe(403);
    expect((await changed('expires', '99999999999')).status).toBe(403);
    expect((await changed('signature', 'AAAA')).status).toBe(403);
    expect((await fetch(at(url.replace(/blobs\/./, 'blobs/0')))).status).toBe(403);
    expect((await fetch(at(url.split('?')[0] ?? ''))).status).toBe(403);
    for (const lifetime of ['0', '1e9', 'x']) {
      expect((await fetch(at(`${path}?lifetime_s=${lifetime}`))).status).toBe(422);
    }
    expect((await fetch(at(`/v1/generations/${id}/images/7/link`))).status).toBe(404);
  });
});
