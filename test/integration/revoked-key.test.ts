import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, credentials, status as grpcStatus, Metadata, type ServiceError } from '@grpc/grpc-js';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BLOBS_KEY } from '../../src/contract/redis-keys.ts';
import { openGrpcClient } from '../../src/grpc/client.ts';
import { LORA_SERVICE_NAME, loadDefinitions, rpcsOf } from '../../src/grpc/protocol.ts';
import { generateApiKey } from '../../src/service/api-keys.ts';
import { blobKey } from '../../src/store/blob-store.ts';
import { GOLDEN_LORAS } from '../support/golden-engine.ts';
import { jsonOf, postJson, SMALL_REQUEST, startTestService, type TestService } from '../support/test-service.ts';

/** What goes on for longer than the key it was begun with, on a whole service: uploads by every way in, and streams of gRPC. */

const ADMIN_KEY = generateApiKey();
/** A key that is revoked is still known for a second; what goes on looks at it every two. */
const FORGOTTEN_MS = 1200;
const SOON_MS = 10_000;

let service: TestService;
let redis: Redis;
let lora: { readonly bytes: Buffer; readonly sha256: string; readonly digest: string };

beforeAll(async () => {
  service = await startTestService({ access: 'keys', adminKey: ADMIN_KEY });
  redis = new Redis({ path: service.redisUrl });
  const bytes = await readFile(join(GOLDEN_LORAS, 'kohya-full-mixed.safetensors'));
  const hash = createHash('sha256').update(bytes).digest();
  lora = { bytes, sha256: hash.toString('hex'), digest: `sha-256=:${hash.toString('base64')}:` };
});

afterAll(async () => {
  redis?.disconnect();
  await service?.close();
});

const at = (path: string) => `${service.httpUrl}${path}`;
const as = (key: string) => ({ authorization: `Bearer ${key}` });

interface Key {
  readonly key: string;
  readonly kid: string;
}

/** One of Ana's, who has another one to look with. */
async function newKey(): Promise<Key> {
  const asked = { owner: 'ana', scopes: ['generate', 'registry'] };
  const made = await postJson(at('/v1/keys'), asked, as(ADMIN_KEY));
  expect(made.status).toBe(201);
  return (await made.json()) as Key;
}

async function revoke({ kid }: Key): Promise<void> {
  expect((await fetch(at(`/v1/keys/${kid}`), { method: 'DELETE', headers: as(ADMIN_KEY) })).status).toBe(204);
}

/** A file on its way, of which the first half has been sent. */
interface Upload {
  sendRest(): void;
  /** `201`, `401 unauthenticated`, or the name of a gRPC status. */
  readonly answer: Promise<string>;
}

type Begin = (key: string) => Upload;

function overHttp(
  key: string,
  headers: Record<string, string>,
  path: string,
  parts: readonly (string | Buffer)[],
): Upload {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const half = Math.floor(body.length / 2);
  const sending = request(at(path), {
    method: 'POST',
    agent: false,
    headers: { ...as(key), ...headers, 'content-length': body.length },
  });
  const answer = new Promise<string>((resolve, reject) => {
    sending.once('error', reject).once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece) => {
        text += piece;
      });
      response.once('end', () => resolve(`${response.statusCode} ${JSON.parse(text).code ?? ''}`.trim()));
    });
  });
  sending.write(body.subarray(0, half));
  return { sendRest: () => sending.end(body.subarray(half)), answer };
}

const part = (name: string, rest = '') => `--x\r\ncontent-disposition: form-data; name="${name}"${rest}\r\n\r\n`;

const overForm: Begin = (key) =>
  overHttp(key, { 'content-type': 'multipart/form-data; boundary=x' }, '/v1/loras', [
    part('file', '; filename="mine.safetensors"'),
    lora.bytes,
    `\r\n${part('id')}mine\r\n--x--\r\n`,
  ]);

const overBody: Begin = (key) =>
  overHttp(key, { 'content-type': 'application/octet-stream', 'repr-digest': lora.digest }, '/v1/loras?id=mine', [
    lora.bytes,
  ]);

function overGrpc(key: string): Upload {
  const { path, requestSerialize, responseDeserialize } =
    rpcsOf(loadDefinitions(), LORA_SERVICE_NAME).Upload ?? expect.fail('there is no rpc Upload');
  const client = new Client(service.grpcAddress, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${key}`);
  const half = Math.floor(lora.bytes.length / 2);
  let settle: (status: string) => void = () => {};
  const answer = new Promise<string>((resolve) => {
    settle = resolve;
  }).finally(() => client.close());
  const call = client.makeClientStreamRequest(path, requestSerialize, responseDeserialize, metadata, (error) =>
    settle(grpcStatus[error?.code ?? grpcStatus.OK] ?? ''),
  );
  call.on('error', () => {});
  call.write({ start: { id: 'mine', sha256: lora.sha256 } });
  call.write({ data: lora.bytes.subarray(0, half) });
  return {
    sendRest() {
      call.write({ data: lora.bytes.subarray(half) });
      call.end();
    },
    answer,
  };
}

/** By every way in, with what each one answers where the key is good no longer, and where it is. */
const WAYS: readonly (readonly [string, Begin, string, string])[] = [
  ['a form', overForm, '401 unauthenticated', '201'],
  ['bytes alone', overBody, '401 unauthenticated', '201'],
  ['a stream of gRPC', overGrpc, 'UNAUTHENTICATED', 'OK'],
];

const uploadsLeft = () => readdir(join(service.settings.data, 'uploads')).catch(() => []);

/** The first half is there. */
async function begun(begin: Begin, key: Key): Promise<Upload> {
  const upload = begin(key.key);
  await expect.poll(uploadsLeft).toHaveLength(1);
  return upload;
}

async function expectNothingLeft(): Promise<void> {
  await expect.poll(uploadsLeft).toEqual([]);
  const { key } = await newKey();
  expect((await fetch(at('/v1/loras/mine'), { headers: as(key) })).status).toBe(404);
  expect(await redis.zscore(BLOBS_KEY, lora.sha256)).toBeNull();
  expect(existsSync(join(service.settings.data, blobKey(lora.sha256)))).toBe(false);
}

test.each(WAYS)(
  'an upload as %s whose key is revoked before its last byte is not installed',
  async (_, begin, refused) => {
    const key = await newKey();
    const upload = await begun(begin, key);
    await revoke(key);
    await delay(FORGOTTEN_MS);
    upload.sendRest();
    expect(await upload.answer).toBe(refused);
    await expectNothingLeft();
  },
);

test.each(WAYS)('an upload as %s whose key is revoked is refused before it ends', async (_, begin, refused) => {
  const key = await newKey();
  const upload = await begun(begin, key);
  await revoke(key);
  expect(await Promise.race([upload.answer, delay(SOON_MS, 'nothing')])).toBe(refused);
  await expectNothingLeft();
});

test.each(WAYS)(
  'an upload as %s whose key stays good is installed, however slow it is',
  async (_, begin, _refused, done) => {
    const key = await newKey();
    const upload = await begun(begin, key);
    await delay(2 * FORGOTTEN_MS);
    upload.sendRest();
    expect(await upload.answer).toBe(done);
    expect((await fetch(at('/v1/loras/mine'), { method: 'DELETE', headers: as(key.key) })).status).toBe(204);
  },
);

const LONG_REQUEST = { ...SMALL_REQUEST, steps: 150, n: 8 };

/** The events of a stream of gRPC until it ends; the status with which it does, and when. */
function follow(rpc: 'Generate' | 'Watch', asked: object, { key }: Key) {
  const client = openGrpcClient(service.grpcAddress, { apiKey: key });
  const followed = { id: '', steps: 0, ended: Promise.resolve('') };
  followed.ended = (async () => {
    for await (const { id, step } of client.events(rpc, asked)) {
      followed.id = id;
      if (step !== undefined) followed.steps++;
    }
    return 'OK';
  })()
    .catch((error: ServiceError) => grpcStatus[error.code] ?? '')
    .finally(() => client.close());
  return followed;
}

const statusOf = async (id: string, { key }: Key) =>
  (await jsonOf(fetch(at(`/v1/generations/${id}`), { headers: as(key) }))).status;

test('a Generate whose key is revoked while its picture is made ends with UNAUTHENTICATED, and is cancelled', async () => {
  const [key, other] = [await newKey(), await newKey()];
  const generated = follow('Generate', LONG_REQUEST, key);
  await expect.poll(() => generated.steps, { timeout: 60_000 }).toBeGreaterThan(0);
  await revoke(key);
  expect(await Promise.race([generated.ended, delay(SOON_MS, 'nothing')])).toBe('UNAUTHENTICATED');
  await expect.poll(() => statusOf(generated.id, other), { timeout: SOON_MS }).toBe('cancelled');
});

test('a Watch whose key is revoked ends with UNAUTHENTICATED, and what it watched goes on', async () => {
  const [key, other] = [await newKey(), await newKey()];
  const { id, urls } = await jsonOf(postJson(at('/v1/generations'), LONG_REQUEST, as(other.key)));
  const [watched, kept] = [follow('Watch', { id }, key), follow('Watch', { id }, other)];
  await expect.poll(() => watched.steps, { timeout: 60_000 }).toBeGreaterThan(0);
  await revoke(key);
  expect(await Promise.race([watched.ended, delay(SOON_MS, 'nothing')])).toBe('UNAUTHENTICATED');
  const steps = kept.steps;
  await expect.poll(() => kept.steps, { timeout: SOON_MS }).toBeGreaterThan(steps);
  expect(await statusOf(id, other)).toBe('running');
  expect((await postJson(at(urls.cancel), {}, as(other.key))).status).toBe(202);
  expect(await kept.ended).toBe('OK');
});
