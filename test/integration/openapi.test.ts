import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROUTE_SCOPES } from '../../src/http/route-scopes.ts';
import { SMALL_REQUEST, startTestService, type TestService } from '../support/test-service.ts';

/** The OpenAPI document against a real gateway: that it is one, that it is whole, and that answers are what it says. */

interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { schema: object }>> }>>;
  readonly requestBody?: { readonly required: boolean };
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

/** Parts of a page that the document names once. */
const PAGE_PARTS = /^GET \/(admin\/queues\/\*|docs.*)$/;

const LORAS = join(import.meta.dirname, '../golden/loras');
const FOLDER_LORA = 'peft-attention-r8';

let service: TestService;
let document: Document;
let ajv: Ajv2020;
const answered = new Set<string>();

beforeAll(async () => {
  service = await startTestService();
  document = (await (await fetch(`${service.httpUrl}/openapi.json`)).json()) as Document;
  ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
  ajv.addSchema(document, 'document');
}, 60_000);

afterAll(async () => service?.close());

/** Asks, and holds the answer against what the document says of its status and type. */
async function ask(method: string, template: string, options: Asked = {}): Promise<{ status: number; body: unknown }> {
  const { params = {}, query = '', headers = {}, body } = options;
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(params[name])));
  const isJson = body !== undefined && !(body instanceof Uint8Array || body instanceof FormData);
  const response = await fetch(`${service.httpUrl}${path}${query}`, {
    method,
    headers: { ...(isJson && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: isJson ? JSON.stringify(body) : (body as Uint8Array | FormData) }),
  });
  const operation = document.paths[template]?.[method.toLowerCase()];
  const said = operation?.responses[response.status];
  expect(said, `${method} ${template} answers ${response.status}`).toBeDefined();
  const type = response.headers.get('content-type')?.replace(/;.*/, '');
  const bytes = new Uint8Array(await response.arrayBuffer());
  answered.add(`${operation?.operationId} ${response.status}`);
  if (bytes.length === 0) {
    expect(said?.content).toBeUndefined();
    return { status: response.status, body: undefined };
  }
  expect(Object.keys(said?.content ?? {}), `${method} ${template} ${response.status}`).toContain(type);
  const value = type?.endsWith('json') ? JSON.parse(new TextDecoder().decode(bytes)) : new TextDecoder().decode(bytes);
  const pointer = ['paths', template, method.toLowerCase(), 'responses', response.status, 'content', type, 'schema']
    .map((part) => encodeURIComponent(String(part).replaceAll('~', '~0').replaceAll('/', '~1')))
    .join('/');
  // A stream of events is described by each of them.
  const values = type === 'text/event-stream' ? eventsIn(String(value)) : [value];
  for (const each of values) expectValid(`document#/${pointer}`, each, `${method} ${template} ${response.status}`);
  return { status: response.status, body: value };
}

interface Asked {
  readonly params?: Readonly<Record<string, string | number>>;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

function eventsIn(stream: string): readonly Readonly<Record<string, string>>[] {
  const blocks = stream.split('\n\n').filter((block) => block !== '' && !block.startsWith('retry'));
  return blocks.map((block) => Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s))));
}

function expectValid(ref: string, value: unknown, what: string): void {
  const validate = ajv.compile({ $ref: ref });
  validate(value);
  expect(validate.errors ?? [], what).toEqual([]);
}

describe('the document', () => {
  test('is valid OpenAPI 3.1', async () => {
    const result = await new Validator().validate(structuredClone(document) as object as Record<string, unknown>);
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
    // What it leaves to JSON Schema.
    for (const name of Object.keys(document.components.schemas)) {
      expect(() => ajv.compile({ $ref: `document#/components/schemas/${name}` }), name).not.toThrow();
    }
  });

  test('has every route of the gateway and no other, each with its security', () => {
    const described = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
    );
    const routes = Object.keys(ROUTE_SCOPES).filter((route) => !PAGE_PARTS.test(route));
    expect(described.sort()).toEqual(routes.sort());
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const [method, { security, responses }] of Object.entries(operations)) {
        const row = ROUTE_SCOPES[`${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`] ?? [];
        const scopes = new Set(security.flatMap((scheme) => Object.values(scheme).flat()));
        expect([...scopes]).toEqual(row === 'public' ? [] : row);
        if (row !== 'public') expect(Object.keys(responses)).toEqual(expect.arrayContaining(['401', '403', '429']));
      }
    }
  });

  test('names every body that may be left out as such', () => {
    expect(document.paths['/v1/loras/{id}/profile']?.post?.requestBody?.required).toBe(false);
    expect(document.paths['/v1/generations']?.post?.requestBody?.required).toBe(true);
  });
});

describe('real answers are what the document says', () => {
  test('of generations', async () => {
    const loras = [{ id: FOLDER_LORA, frequency_class: 'high' }];
    const request = { ...SMALL_REQUEST, loras, preview: { every_steps: 1 } };
    await ask('POST', '/v1/generations:plan', { body: { ...request, composition: { method: 'cmlora' } } });
    const done = await ask('POST', '/v1/generations', { body: request, headers: { prefer: 'wait=60' } });
    expect(done.status).toBe(201);
    const { id } = done.body as { id: string };
    await ask('GET', '/v1/generations/{id}', { params: { id } });
    const events = await ask('GET', '/v1/generations/{id}/events', { params: { id } });
    const data = eventsIn(String(events.body)).flatMap((event) =>
      event.data === undefined ? [] : JSON.parse(event.data),
    );
    expect(data.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['queued', 'started', 'step', 'preview', 'completed']),
    );
    for (const event of data) expectValid('document#/components/schemas/Event', event, event.type);
    await ask('GET', '/v1/generations/{id}/images/{index}', { params: { id, index: 0 } });
    const link = await ask('GET', '/v1/generations/{id}/images/{index}/link', { params: { id, index: 0 } });
    const url = new URL((link.body as { url: string }).url, service.httpUrl);
    await ask('GET', '/v1/blobs/{sha256}', {
      params: { sha256: url.pathname.split('/').at(-1) ?? '' },
      query: url.search,
    });
    await ask('POST', '/v1/generations/{id}/replay', { params: { id } });
    const long = await ask('POST', '/v1/generations', { body: { ...SMALL_REQUEST, steps: 150, n: 8 } });
    await ask('POST', '/v1/generations/{id}/cancel', { params: { id: (long.body as { id: string }).id } });
    const finished = await ask('POST', '/v1/generations/{id}/cancel', { params: { id } });
    expect(finished.status).toBe(409);
  }, 60_000);

  test('of LoRAs', async () => {
    const file = new Uint8Array(await readFile(join(LORAS, `${FOLDER_LORA}.safetensors`)));
    const digest = createHash('sha256').update(file).digest('base64');
    const headers = { 'content-type': 'application/octet-stream', 'repr-digest': `sha-256=:${digest}:` };
    const query = '?id=uploaded&triggers=one&triggers=two&metadata=%7B%22made%22%3A%22here%22%7D';
    for (const status of [201, 200]) {
      expect((await ask('POST', '/v1/loras', { body: file, headers, query })).status).toBe(status);
    }
    await ask('GET', '/v1/loras');
    await ask('GET', '/v1/loras/{id}', { params: { id: 'uploaded' } });
    await ask('GET', '/v1/loras/{id}', { params: { id: FOLDER_LORA } });
    await ask('POST', '/v1/loras/{id}/profile', { params: { id: 'uploaded' }, body: { seeds: 4, steps: 5 } });
    await ask('GET', '/v1/loras/{id}/profile', { params: { id: 'uploaded' } });
    await ask('DELETE', '/v1/loras/{id}', { params: { id: 'uploaded' } });
  }, 60_000);

  test('of keys, secrets and the service itself', async () => {
    const made = await ask('POST', '/v1/keys', { body: { owner: 'someone', scopes: ['generate'], expires_in_s: 60 } });
    const { kid } = made.body as { kid: string };
    await ask('POST', '/v1/keys/{kid}/rotate', { params: { kid } });
    await ask('GET', '/v1/keys');
    await ask('DELETE', '/v1/keys/{kid}', { params: { kid } });
    await ask('GET', '/v1/webhooks/secrets');
    await ask('POST', '/v1/webhooks/secrets/rotate');
    for (const path of ['/v1/models', '/livez', '/readyz', '/metrics', '/admin/queues', '/openapi.json']) {
      expect((await ask('GET', path)).status).toBe(200);
    }
  }, 60_000);

  test('of refusals', async () => {
    const bad = await ask('POST', '/v1/generations', { body: { prompt: 1, what: 2 } });
    expect(bad.status).toBe(422);
    const headers = { 'content-type': 'application/json' };
    expect((await ask('POST', '/v1/generations', { body: new Uint8Array([123]), headers })).status).toBe(400);
    const text = { 'content-type': 'text/plain' };
    expect((await ask('POST', '/v1/generations', { body: new Uint8Array([123]), headers: text })).status).toBe(415);
    for (const path of ['/v1/generations/{id}', '/v1/generations/{id}/events', '/v1/loras/{id}']) {
      expect((await ask('GET', path, { params: { id: 'none' } })).status).toBe(404);
    }
    const form = new FormData();
    form.set('file', new Blob([new Uint8Array(9)]), 'broken.safetensors');
    expect((await ask('POST', '/v1/loras', { body: form })).status).toBe(422);
  });

  test('and every call was made with success, but for a profile, which takes minutes', () => {
    const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
    const missing = operations
      .map(({ operationId }) => operationId)
      .filter((id) => ![200, 201, 202, 204].some((status) => answered.has(`${id} ${status}`)));
    expect(missing).toEqual(['getProfile']);
  });
});
