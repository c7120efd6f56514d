import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { status as grpcStatus, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type GrpcClient, openGrpcClient } from '../../src/grpc/client.ts';
import { loadDefinitions } from '../../src/grpc/protocol.ts';
import { RPC_SCOPES } from '../../src/grpc/rpc-scopes.ts';
import { ROUTE_SCOPES } from '../../src/http/route-scopes.ts';
import { generateApiKey } from '../../src/service/api-keys.ts';
import { GOLDEN_LORAS } from '../support/golden-engine.ts';
import { jsonOf, postJson, SMALL_REQUEST, startTestService, type TestService } from '../support/test-service.ts';

/**
 * Two owners of one service: neither sees, watches, cancels, fetches or replays what the other has, by any door. One row for each
 * route and each rpc; a new one without a row fails the first test.
 */

const ADMIN_KEY = generateApiKey();

let service: TestService;
let anaKey: string;
let boKey: string;
let ana: GrpcClient;
let bo: GrpcClient;
/** Ana's, finished, and made under the idempotency key `ana-first`. */
let anas: string;
let anasImageBytes: number;
/** Uploaded by Ana under `ANAS_LORA`, and in no folder under that name. */
let anasFile: { readonly bytes: Buffer; readonly sha256: string };
const ANAS_LORA = 'anas-own';

beforeAll(async () => {
  service = await startTestService({ access: 'keys', adminKey: ADMIN_KEY });
  anaKey = await newKey('ana');
  boKey = await newKey('bo');
  ana = openGrpcClient(service.grpcAddress, { apiKey: anaKey });
  bo = openGrpcClient(service.grpcAddress, { apiKey: boKey });
  const headers = { ...as(anaKey), prefer: 'wait=60', 'idempotency-key': 'ana-first' };
  const generation = await jsonOf(postJson(at('/v1/generations'), SMALL_REQUEST, headers));
  expect(generation.status).toBe('completed');
  anas = generation.id;
  const bytes = await readFile(join(GOLDEN_LORAS, 'kohya-full-mixed.safetensors'));
  anasFile = { bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
  expect((await upload(anaKey, ANAS_LORA)).status).toBe(201);
  anasImageBytes = (await (await get(`/v1/generations/${anas}/images/0`, anaKey)).arrayBuffer()).byteLength;
});

afterAll(async () => {
  ana?.close();
  bo?.close();
  await service?.close();
});

const at = (path: string) => `${service.httpUrl}${path}`;
const as = (key: string) => ({ authorization: `Bearer ${key}` });
const get = (path: string, key: string) => fetch(at(path), { headers: as(key) });
const post = (path: string, body: unknown, key: string) => postJson(at(path), body, as(key));

function upload(key: string, id: string): Promise<Response> {
  const form = new FormData();
  form.append('id', id);
  form.append('file', new Blob([anasFile.bytes]), 'lora.safetensors');
  return fetch(at('/v1/loras'), { method: 'POST', body: form, headers: as(key) });
}

const idsOf = async (key: string) =>
  (await jsonOf(get('/v1/loras?limit=1000', key))).loras.map((lora) => Object(lora).id);

async function newKey(owner: string, scopes: readonly string[] = ['generate', 'registry']): Promise<string> {
  const response = await postJson(at('/v1/keys'), { owner, scopes }, as(ADMIN_KEY));
  expect(response.status).toBe(201);
  return ((await response.json()) as { readonly key: string }).key;
}

/** What a stranger gets is what anybody gets for an id that nobody has. */
async function expectHidden(asked: (id: string) => Promise<Response>): Promise<void> {
  const nobodys = '0'.repeat(26);
  const [hidden, absent] = [await asked(anas), await asked(nobodys)];
  expect([hidden.status, absent.status]).toEqual([404, 404]);
  const textOf = async (response: Response, id: string) => (await response.text()).replaceAll(id, 'ID');
  expect(await textOf(hidden, anas)).toBe(await textOf(absent, nobodys));
}

/** The same of Ana's LoRA: Bo is told what he would be told of a name that nobody has given. */
async function expectLoraHidden(asked: (id: string, key: string) => Promise<Response>): Promise<void> {
  const [hidden, absent] = [await asked(ANAS_LORA, boKey), await asked('nobodys', boKey)];
  expect([hidden.status, absent.status]).toEqual([404, 404]);
  expect((await hidden.text()).replaceAll(ANAS_LORA, 'ID')).toBe((await absent.text()).replaceAll('nobodys', 'ID'));
}

const withLora = (lora: object) => ({ ...SMALL_REQUEST, loras: [lora] });

const shared = async () => {};

const ROUTES: Readonly<Record<keyof typeof ROUTE_SCOPES, () => Promise<void>>> = {
  'POST /v1/generations': async () => {
    const headers = { ...as(boKey), 'idempotency-key': 'ana-first' };
    const bos = await jsonOf(postJson(at('/v1/generations'), SMALL_REQUEST, headers));
    expect(bos.id).not.toBe(anas);
    expect((await get(`/v1/generations/${bos.id}`, anaKey)).status).toBe(404);
    expect((await get(`/v1/generations/${bos.id}`, boKey)).status).toBe(200);
    await expectLoraHidden((id, key) => post('/v1/generations', withLora({ id }), key));
  },
  'POST /v1/generations:plan': async () => {
    await expectLoraHidden((id, key) => post('/v1/generations:plan', withLora({ id }), key));
    expect((await post('/v1/generations:plan', withLora({ id: ANAS_LORA }), anaKey)).status).toBe(200);
  },
  'GET /v1/generations/:id': () => expectHidden((id) => get(`/v1/generations/${id}`, boKey)),
  'GET /v1/generations/:id/events': () => expectHidden((id) => get(`/v1/generations/${id}/events`, boKey)),
  'GET /v1/generations/:id/images/:index': async () => {
    expect(anasImageBytes).toBeGreaterThan(100);
    await expectHidden((id) => get(`/v1/generations/${id}/images/0`, boKey));
  },
  'GET /v1/generations/:id/images/:index/link': () =>
    expectHidden((id) => get(`/v1/generations/${id}/images/0/link`, boKey)),
  'GET /v1/blobs/:sha256': async () => {
    const { result } = await jsonOf(get(`/v1/generations/${anas}`, anaKey));
    const sha256s = [result.images[0]?.sha256, anasFile.sha256];
    for (const sha256 of sha256s) expect((await get(`/v1/blobs/${sha256}`, boKey)).status).not.toBe(200);
  },
  'POST /v1/generations/:id/replay': () => expectHidden((id) => post(`/v1/generations/${id}/replay`, {}, boKey)),
  'POST /v1/generations/:id/cancel': async () => {
    await expectHidden((id) => post(`/v1/generations/${id}/cancel`, {}, boKey));
    const running = await jsonOf(post('/v1/generations', { ...SMALL_REQUEST, steps: 150, n: 8 }, anaKey));
    const path = `/v1/generations/${running.id}/cancel`;
    expect((await post(path, {}, boKey)).status).toBe(404);
    expect((await jsonOf(get(`/v1/generations/${running.id}`, anaKey))).status).not.toBe('cancelled');
    expect((await post(path, {}, anaKey)).status).toBe(202);
  },
  'POST /v1/loras': async () => {
    // Bo's own upload of the same bytes under the same id is his, and takes nothing from Ana.
    expect((await upload(boKey, 'the-same')).status).toBe(201);
    expect((await upload(anaKey, 'the-same')).status).toBe(201);
    expect((await fetch(at('/v1/loras/the-same'), { method: 'DELETE', headers: as(boKey) })).status).toBe(204);
    expect((await get('/v1/loras/the-same', anaKey)).status).toBe(200);
  },
  'DELETE /v1/loras/:id': async () => {
    await expectLoraHidden((id, key) => fetch(at(`/v1/loras/${id}`), { method: 'DELETE', headers: as(key) }));
    expect((await get(`/v1/loras/${ANAS_LORA}`, anaKey)).status).toBe(200);
  },
  // The LoRAs of the folder are everybody's; those that were uploaded are their owner's.
  'GET /v1/loras': async () => {
    expect(await idsOf(anaKey)).toContain(ANAS_LORA);
    expect(await idsOf(boKey)).not.toContain(ANAS_LORA);
  },
  'GET /v1/loras/:id': () => expectLoraHidden((id, key) => get(`/v1/loras/${id}`, key)),
  'GET /v1/loras/:id/profile': () => expectLoraHidden((id, key) => get(`/v1/loras/${id}/profile`, key)),
  'POST /v1/loras/:id/profile': () => expectLoraHidden((id, key) => post(`/v1/loras/${id}/profile`, {}, key)),
  'GET /v1/models': shared,
  'GET /v1/webhooks/secrets': async () => {
    const [anas_, bos] = await Promise.all([anaKey, boKey].map((key) => jsonOf(get('/v1/webhooks/secrets', key))));
    expect(bos).not.toEqual(anas_);
  },
  'POST /v1/webhooks/secrets/rotate': async () => {
    const before = await jsonOf(get('/v1/webhooks/secrets', anaKey));
    expect((await post('/v1/webhooks/secrets/rotate', {}, boKey)).status).toBe(201);
    expect(await jsonOf(get('/v1/webhooks/secrets', anaKey))).toEqual(before);
  },
  'GET /v1/keys': shared,
  'POST /v1/keys': shared,
  'DELETE /v1/keys/:kid': shared,
  'POST /v1/keys/:kid/rotate': shared,
  'GET /metrics': shared,
  'GET /admin/queues': shared,
  'GET /admin/queues/*': shared,
  'GET /livez': shared,
  'GET /readyz': shared,
  'GET /openapi.json': shared,
  'GET /docs': shared,
  'GET /docs/': shared,
  'GET /docs/json': shared,
  'GET /docs/yaml': shared,
  'GET /docs/static/index.html': shared,
  'GET /docs/static/swagger-initializer.js': shared,
  'GET /docs/static/*': shared,
};

test('every route and every rpc has a row here', () => {
  expect(Object.keys(ROUTES).sort()).toEqual(Object.keys(ROUTE_SCOPES).sort());
  expect(Object.keys(RPCS).sort()).toEqual(Object.keys(RPC_SCOPES).sort());
  const rpcs = Object.entries(loadDefinitions())
    .filter(([name, definition]) => name.startsWith('overtone.') && !('format' in definition))
    .flatMap(([name, service_]) => Object.keys(service_).map((rpc) => `${name.replace('overtone.v1.', '')}/${rpc}`));
  expect(rpcs.sort()).toEqual(Object.keys(RPC_SCOPES).sort());
});

test.each(Object.entries(ROUTES).filter(([, probe]) => probe !== shared))(
  '%s keeps two owners apart',
  async (_route, probe) => {
    await probe();
  },
);

async function expectNotFound(call: Promise<unknown>): Promise<void> {
  const error = await call.then(
    () => expect.unreachable('should not be found'),
    (thrown: ServiceError) => thrown,
  );
  expect(error.code).toBe(grpcStatus.NOT_FOUND);
}

async function drain(stream: AsyncIterable<{ readonly id: string }>): Promise<string> {
  let last = '';
  for await (const { id } of stream) last = id;
  return last;
}

const RPCS: Readonly<Record<keyof typeof RPC_SCOPES, () => Promise<void>>> = {
  'GenerationService/Generate': async () => {
    const id = await drain(bo.events('Generate', SMALL_REQUEST));
    await expectNotFound(ana.call('Get', { id }));
    expect(await bo.call('Get', { id })).toMatchObject({ id });
  },
  'GenerationService/Submit': async () => {
    const { id } = await bo.call('Submit', SMALL_REQUEST);
    await expectNotFound(ana.call('Get', { id }));
    expect(await bo.call('Get', { id })).toMatchObject({ id });
  },
  'GenerationService/Get': () => expectNotFound(bo.call('Get', { id: anas })),
  'GenerationService/Watch': async () => {
    await expectNotFound(drain(bo.events('Watch', { id: anas })));
    expect(await drain(ana.events('Watch', { id: anas }))).toBe(anas);
  },
  'GenerationService/Cancel': () => expectNotFound(bo.call('Cancel', { id: anas })),
  'GenerationService/Plan': () => expectNotFound(bo.call('Plan', withLora({ id: ANAS_LORA }))),
  'GenerationService/Replay': () => expectNotFound(bo.call('Replay', { id: anas })),
  'LoraService/List': async () => {
    const { loras = [] } = (await bo.loras('List', { limit: 1000 })) as { loras?: { id: string }[] };
    expect(loras.map(({ id }) => id)).not.toContain(ANAS_LORA);
  },
  'LoraService/Get': () => expectNotFound(bo.loras('Get', { id: ANAS_LORA })),
  'LoraService/Upload': async () => {
    await bo.upload({ id: 'bos-own', sha256: anasFile.sha256 }, [anasFile.bytes]);
    await expectNotFound(ana.loras('Get', { id: 'bos-own' }));
    expect(await idsOf(anaKey)).not.toContain('bos-own');
  },
  'LoraService/MeasureProfile': () => expectNotFound(bo.loras('MeasureProfile', { id: ANAS_LORA })),
  'LoraService/Delete': () => expectNotFound(bo.loras('Delete', { id: ANAS_LORA })),
};

test.each(Object.entries(RPCS).filter(([, probe]) => probe !== shared))(
  '%s keeps two owners apart',
  async (_rpc, probe) => {
    await probe();
  },
);

test.each(Object.entries(ROUTE_SCOPES).filter(([, scopes]) => scopes !== 'public'))(
  '%s is closed without a key, and with one of other scopes',
  async (route, scopes) => {
    const [method = '', path = ''] = route.split(' ');
    const url = at(path.replace(':id', anas).replace(':index', '0').replace(':kid', 'ot_000000000000'));
    const bare = await fetch(url, { method });
    expect([bare.status, (await bare.json()) as object]).toEqual([
      401,
      expect.objectContaining({ code: 'unauthenticated' }),
    ]);
    expect(bare.headers.get('www-authenticate')).toMatch(path.startsWith('/admin/') ? /^Basic / : /^Bearer$/);
    const others = ['generate', 'registry', 'metrics', 'admin'].filter((scope) => !scopes.includes(scope as never));
    const narrow = await newKey('narrow', others);
    expect((await fetch(url, { method, headers: as(narrow) })).status).toBe(403);
  },
);

test('gRPC without a key is UNAUTHENTICATED, with a key of other scopes PERMISSION_DENIED', async () => {
  const codeWith = async (options: { readonly apiKey?: string }) => {
    const client = openGrpcClient(service.grpcAddress, options);
    const codes = [client.call('Get', { id: anas }), drain(client.events('Watch', { id: anas }))].map((call) =>
      call.then(
        () => undefined,
        (error: ServiceError) => error.code,
      ),
    );
    const settled = await Promise.all(codes);
    client.close();
    return settled;
  };
  expect(await codeWith({})).toEqual([grpcStatus.UNAUTHENTICATED, grpcStatus.UNAUTHENTICATED]);
  const apiKey = await newKey('narrow', ['registry', 'admin']);
  expect(await codeWith({ apiKey })).toEqual([grpcStatus.PERMISSION_DENIED, grpcStatus.PERMISSION_DENIED]);
});

test('health is told to everybody', async () => {
  expect((await fetch(at('/livez'))).status).toBe(200);
  expect((await fetch(at('/readyz'))).status).toBe(200);
});
