import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LIMITS } from '../../src/contract/limits.ts';
import { recordKey } from '../../src/contract/redis-keys.ts';
import { ROUTE_SCOPES } from '../../src/http/route-scopes.ts';
import { allEvents, readEvents } from '../support/read-events.ts';
import { jsonOf, postJson, SMALL_REQUEST, startTestService, type TestService } from '../support/test-service.ts';

/** The HTTP door of the whole service: private Redis, gateway, worker, engine on the golden checkpoint. */

let service: TestService;
let redis: Redis;

beforeAll(async () => {
  service = await startTestService();
  redis = new Redis(service.redisUrl);
});

afterAll(async () => {
  redis?.disconnect();
  await service?.close();
});

const at = (path: string) => `${service.httpUrl}${path}`;
const submit = (body: unknown) => jsonOf(postJson(at('/v1/generations'), body));
const eventsOf = async (id: string, headers: Record<string, string> = {}) =>
  await allEvents(await fetch(at(`/v1/generations/${id}/events`), { headers }));

test('a generation is accepted, followed, completed and its picture fetched', async () => {
  const response = await postJson(at('/v1/generations'), {
    ...SMALL_REQUEST,
    n: 2,
    loras: [
      { id: 'kohya-attention-r4', frequency_class: 'low' },
      { id: 'peft-attention-r8', weight: 0.5 },
    ],
    composition: { method: 'cmlora' },
  });
  const accepted = await jsonOf(response);
  expect(response.status).toBe(202);
  expect(accepted).toMatchObject({ status: 'queued', queue_position: 0 });
  expect(response.headers.get('location')).toBe(accepted.urls.self);

  const events = await eventsOf(accepted.id);
  expect(events.map((event) => event.name)).toEqual([
    'queued',
    'started',
    ...Array(2 * SMALL_REQUEST.steps).fill('step'),
    'completed',
  ]);

  const generation = await jsonOf(fetch(at(accepted.urls.self)));
  expect(generation).toMatchObject({ status: 'completed', attempt: 1, error: null });
  expect(generation.result).toEqual(events.at(-1)?.data.result);
  expect(generation.result.images).toHaveLength(2);
  expect(generation.result.loras.map((lora) => lora.id)).toEqual(['kohya-attention-r4', 'peft-attention-r8']);

  const [, second] = generation.result.images;
  const picture = await fetch(at(`${accepted.urls.images}/1`));
  const bytes = Buffer.from(await picture.arrayBuffer());
  expect(picture.headers.get('content-type')).toBe('image/png');
  expect(picture.headers.get('etag')).toBe(`"${second?.sha256}"`);
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(second?.sha256);
  const again = await fetch(at(`${accepted.urls.images}/1`), { headers: { 'if-none-match': `"${second?.sha256}"` } });
  expect(again.status).toBe(304);
});

test('the same request gives the same file, whoever asks', async () => {
  const files = [];
  for (let round = 0; round < 2; round++) {
    const response = await postJson(at('/v1/generations'), SMALL_REQUEST, { prefer: 'wait=60' });
    expect(response.status).toBe(201);
    expect(response.headers.get('preference-applied')).toBe('wait=60');
    files.push((await jsonOf(response)).result.images[0]?.sha256);
  }
  expect(files[0]).toBe(files[1]);
});

test('a wait that is too short answers 202 and the generation goes on', async () => {
  const response = await postJson(at('/v1/generations'), { ...SMALL_REQUEST, steps: 150, n: 8 }, { prefer: 'wait=1' });
  expect(response.status).toBe(202);
  const { id, urls } = await jsonOf(response);
  expect((await jsonOf(fetch(at(urls.self)))).status).toBe('running');
  await postJson(at(`/v1/generations/${id}/cancel`), {});
});

test('a stream that was cut off resumes with nothing lost and nothing doubled', async () => {
  const { id } = await submit({ ...SMALL_REQUEST, steps: 6 });
  const all = await eventsOf(id);
  for (const [index, event] of all.entries()) {
    const rest = await eventsOf(id, { 'last-event-id': event.id });
    expect(rest.map((later) => later.id)).toEqual(all.slice(index + 1).map((later) => later.id));
  }
});

test('many watchers of a running generation all see the same events', async () => {
  const { id } = await submit({ ...SMALL_REQUEST, steps: 12 });
  const histories = await Promise.all(Array.from({ length: 20 }, () => eventsOf(id)));
  const late = await eventsOf(id);
  for (const history of histories) expect(history).toEqual(late);
});

test('a running generation is cancelled within its run, and only once', async () => {
  const { id, urls } = await submit({ ...SMALL_REQUEST, steps: 150, n: 8 });
  const seen: string[] = [];
  for await (const event of readEvents(await fetch(at(urls.events)))) {
    seen.push(event.name);
    if (event.name === 'step' && seen.length === 3) {
      const response = await postJson(at(urls.cancel), {});
      expect(response.status).toBe(202);
      expect(await jsonOf(response)).toMatchObject({ id, status: 'cancelling' });
    }
  }
  expect(seen.at(-1)).toBe('cancelled');
  expect(seen.filter((name) => name === 'step').length).toBeLessThan(20);
  expect((await postJson(at(urls.cancel), {})).status).toBe(409);
});

test('a waiting generation is cancelled at once and never starts', async () => {
  const busy = await Promise.all(
    Array.from({ length: service.settings.concurrency }, () => submit({ ...SMALL_REQUEST, steps: 150, n: 8 })),
  );
  const { id, urls } = await submit(SMALL_REQUEST);
  const response = await fetch(at(urls.cancel), { method: 'POST' });
  expect(await jsonOf(response)).toMatchObject({ status: 'cancelled' });
  expect((await eventsOf(id)).map((event) => event.name)).toEqual(['queued', 'cancelled']);
  await Promise.all(busy.map((job) => fetch(at(job.urls.cancel), { method: 'POST' })));
  for (const job of busy) expect((await eventsOf(job.id)).at(-1)?.name).toBe('cancelled');
});

test('what is served can be seen', async () => {
  expect(await jsonOf(fetch(at('/livez')))).toEqual({ status: 'alive' });
  const ready = await fetch(at('/readyz'));
  expect(ready.status).toBe(200);
  expect(await ready.json()).toMatchObject({
    status: 'ready',
    redis: 'ok',
    workers: [{ model: 'checkpoint', device: 'cpu', state: 'ready' }],
  });
  const { models } = await jsonOf(fetch(at('/v1/models')));
  expect(models).toMatchObject([{ id: 'checkpoint', family: 'sd1', device: 'cpu' }]);
  const { loras } = await jsonOf(fetch(at('/v1/loras')));
  expect(loras).toContainEqual({ id: 'peft-attention-r8', source: 'folder' });
  const receipt = await jsonOf(fetch(at('/v1/loras/peft-attention-r8')));
  expect(receipt).toMatchObject({ id: 'peft-attention-r8', ranks: [8], unmatched: [] });
});

interface Refusal {
  readonly title: string;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
  readonly status: number;
  readonly code: string;
  readonly says: string;
}

const REFUSALS: readonly Refusal[] = [
  { title: 'malformed JSON', body: '{"prompt": ', status: 400, code: 'malformed_json', says: 'JSON' },
  { title: 'an empty body', body: '', status: 400, code: 'malformed_json', says: 'empty' },
  { title: 'a poisoned prototype', body: '{"__proto__": {"n": 2}}', status: 400, code: 'malformed_json', says: '' },
  { title: 'a JSON value that is no object', body: '[1]', status: 422, code: 'invalid_request', says: '' },
  {
    title: 'a body of another type',
    body: 'prompt',
    headers: { 'content-type': 'text/plain' },
    status: 415,
    code: 'unsupported_media_type',
    says: '',
  },
  {
    title: 'a body beyond the limit',
    body: JSON.stringify({ prompt: 'x'.repeat(LIMITS.bodyBytes) }),
    status: 413,
    code: 'body_too_large',
    says: '',
  },
  {
    title: 'an unknown field',
    body: { ...SMALL_REQUEST, size: 64 },
    status: 422,
    code: 'invalid_request',
    says: 'size',
  },
  {
    title: 'a later field',
    body: { ...SMALL_REQUEST, strict_loras: false },
    status: 422,
    code: 'invalid_request',
    says: 'strict_loras is not supported',
  },
  {
    title: 'a webhook where none are allowed',
    body: { ...SMALL_REQUEST, webhook: { url: 'https://hooks.example/' } },
    status: 422,
    code: 'invalid_request',
    says: 'OVERTONE_WEBHOOKS is off',
  },
  {
    title: 'an unknown sampler',
    body: { ...SMALL_REQUEST, sampler: 'x' },
    status: 422,
    code: 'invalid_request',
    says: 'sampler',
  },
  {
    title: 'a width of 65',
    body: { ...SMALL_REQUEST, width: 65 },
    status: 422,
    code: 'invalid_request',
    says: 'width is 65',
  },
  { title: '0 steps', body: { ...SMALL_REQUEST, steps: 0 }, status: 422, code: 'invalid_request', says: 'steps is 0' },
  {
    title: 'an unknown model',
    body: { ...SMALL_REQUEST, model: 'x' },
    status: 404,
    code: 'model_not_found',
    says: 'checkpoint',
  },
  { title: 'an unknown LoRA', body: withLora('x'), status: 404, code: 'lora_not_found', says: 'loras[0].id' },
  {
    title: 'a LoRA outside the folder',
    body: withLora('../x'),
    status: 404,
    code: 'lora_not_found',
    says: 'loras[0].id',
  },
  {
    title: 'a LoRA that matches nothing',
    body: withLora('nothing-matches'),
    status: 422,
    code: 'lora_no_match',
    says: '',
  },
  { title: 'an SDXL LoRA', body: withLora('sdxl'), status: 422, code: 'lora_wrong_base', says: '' },
  { title: 'a LoRA of other widths', body: withLora('other-width'), status: 422, code: 'lora_wrong_base', says: '' },
  { title: 'a truncated LoRA', body: withLora('truncated'), status: 422, code: 'malformed_file', says: '' },
  {
    title: 'a header that claims 2 GB',
    body: withLora('header-claims-2gb'),
    status: 422,
    code: 'malformed_file',
    says: '',
  },
];

function withLora(id: string) {
  return { ...SMALL_REQUEST, loras: [{ id }] };
}

const countJobs = async () => (await redis.keys(recordKey('*'))).length;

test.each(REFUSALS)('$title is refused before anything is queued', async ({ body, headers, status, code, says }) => {
  const before = await countJobs();
  const response = await postJson(at('/v1/generations'), body, headers);
  const problem = await jsonOf(response);
  expect({ status: response.status, code: problem.code }).toEqual({ status, code });
  expect(response.headers.get('content-type')).toContain('application/problem+json');
  expect(problem.status).toBe(status);
  expect(problem.detail).toContain(says);
  expect(await countJobs()).toBe(before);
});

test('all problems of a request come at once', async () => {
  const response = await postJson(at('/v1/generations'), { ...SMALL_REQUEST, steps: 0, width: 65, n: 99 });
  const { problems } = await jsonOf(response);
  expect(problems.map((problem) => problem.subject).sort()).toEqual(['n', 'steps', 'width']);
});

test.each([
  '/v1/generations/01h00000000000000000000000',
  '/v1/generations/nonsense',
  '/v1/generations/01h00000000000000000000000/events',
  '/v1/generations/01h00000000000000000000000/images/0',
  '/v1/generations/%ff',
  `/v1/generations/${'x'.repeat(2000)}`,
  '/nowhere',
])('%s is not there', async (path) => {
  const response = await fetch(at(path));
  expect(response.status).toBe(404);
  expect(response.headers.get('content-type')).toContain('application/problem+json');
  expect((await jsonOf(response)).code).toBe('not_found');
});

test('an event id that no stream has sent is refused', async () => {
  const { id } = await submit(SMALL_REQUEST);
  for (const lastEventId of ['nonsense', '99999999999999-0']) {
    const response = await fetch(at(`/v1/generations/${id}/events`), { headers: { 'last-event-id': lastEventId } });
    expect(response.status).toBe(422);
    expect((await jsonOf(response)).detail).toContain(lastEventId);
  }
});

test('bytes that are no HTTP get a problem, not a silence', async () => {
  const { hostname, port } = new URL(service.httpUrl);
  const status = await new Promise((resolve, reject) => {
    const request = httpRequest({ hostname, port, path: '/livez', headers: { 'content-length': 'x' } as never });
    request.on('response', (response) => resolve(response.resume().statusCode));
    request.on('error', reject);
    request.end();
  });
  expect(status).toBe(400);
});

test('only whole pictures lie in the blob store', async () => {
  const files = await readdir(join(service.settings.data, 'blobs'), { recursive: true });
  expect(files.filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
const PATHS = [...new Set(Object.keys(ROUTE_SCOPES).map((route) => route.split(' ')[1] ?? ''))];

test.each(PATHS)('%s answers the methods that it has, and says to others which', async (path) => {
  const own = METHODS.filter((method) => ROUTE_SCOPES[`${method} ${path}`] !== undefined);
  const allow = own
    .flatMap((method) => (method === 'GET' && !path.startsWith('/admin/') ? ['GET', 'HEAD'] : [method]))
    .sort();
  const url = at(path.replace(/:(id|index|sha256|kid)\b|\*/g, '0'));
  for (const method of METHODS.filter((each) => !own.includes(each))) {
    const refused = await fetch(url, { method });
    expect([method, refused.status, refused.headers.get('allow')]).toEqual([method, 405, allow.join(', ')]);
    expect(refused.headers.get('content-type')).toContain('application/problem+json');
    expect(await jsonOf(refused)).toMatchObject({ code: 'method_not_allowed' });
  }
});
