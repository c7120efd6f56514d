import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { generateApiKey } from '../../src/service/api-keys.ts';
import { jsonOf, postJson, SMALL_REQUEST, startTestService, type TestService } from '../support/test-service.ts';

/** What an operator sees of a whole service that has done some work: metrics, traces, the board of queues, readiness. */

const ADMIN_KEY = generateApiKey();
const AS_ADMIN = { authorization: `Bearer ${ADMIN_KEY}` };
/** A trace that a client has begun. */
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const CLIENT_SPAN = 'b7ad6b7169203331';

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly program: string;
}

let collector: Server;
const spans: OtlpSpan[] = [];
let service: TestService;

beforeAll(async () => {
  collector = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString());
    for (const { resource, scopeSpans } of resourceSpans) {
      const name = resource.attributes.find(({ key }: { key: string }) => key === 'service.name');
      for (const { spans: some } of scopeSpans) {
        spans.push(...some.map((span: object) => ({ ...span, program: name.value.stringValue })));
      }
    }
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const traces = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`;
  service = await startTestService({ access: 'keys', adminKey: ADMIN_KEY, traces });
  const request = {
    ...SMALL_REQUEST,
    loras: [{ id: 'kohya-attention-r4', frequency_class: 'low' }, { id: 'peft-attention-r8' }],
    composition: { method: 'cmlora' },
  };
  const headers = { ...AS_ADMIN, prefer: 'wait=60', traceparent: `00-${TRACE_ID}-${CLIENT_SPAN}-01` };
  for (let round = 0; round < 2; round++) {
    expect((await postJson(at('/v1/generations'), request, headers)).status).toBe(201);
  }
});

afterAll(async () => {
  await service?.close();
  collector?.closeAllConnections();
  await new Promise((resolve) => collector?.close(resolve));
});

const at = (path: string) => `${service.httpUrl}${path}`;

/** The value of the series of this name whose labels hold `labels`; undefined where there is none. */
function measured(page: string, name: string, labels = ''): number | undefined {
  const line = page.split('\n').find((text) => text.startsWith(`${name}{`) && text.includes(labels));
  const bare = page.split('\n').find((text) => text.startsWith(`${name} `));
  const found = labels === '' ? (line ?? bare) : line;
  return found === undefined ? undefined : Number(found.slice(found.lastIndexOf(' ')));
}

test('/metrics shows the gateway, its queues, and what worker and engine have measured', async () => {
  const read = async () => (await fetch(at('/metrics'), { headers: AS_ADMIN })).text();
  // The engine says so every two seconds, and its worker passes it on as often.
  await expect
    .poll(async () => measured(await read(), 'overtone_step_seconds_count', 'method="cmlora"'), { timeout: 20_000 })
    .toBe(2 * (SMALL_REQUEST.steps - 1));
  const page = await read();
  expect(measured(page, 'overtone_redis_up')).toBe(1);
  expect(measured(page, 'overtone_queue_jobs', 'state="waiting"')).toBe(0);
  expect(measured(page, 'overtone_queue_oldest_seconds')).toBe(0);
  expect(measured(page, 'overtone_workers', 'state="ready"')).toBe(1);
  expect(measured(page, 'overtone_jobs_total', 'status="completed"')).toBe(2);
  expect(measured(page, 'overtone_job_seconds_count', 'method="cmlora"')).toBe(2);
  expect(measured(page, 'overtone_unet_rows_total', 'kind="full"')).toBeGreaterThan(0);
  expect(measured(page, 'overtone_lora_cache_requests_total', 'outcome="miss"')).toBe(2);
  expect(measured(page, 'overtone_lora_cache_requests_total', 'outcome="hit"')).toBeGreaterThanOrEqual(2);
  expect(measured(page, 'overtone_lora_load_seconds_count')).toBe(2);
  expect(measured(page, 'overtone_lora_cache_bytes')).toBeGreaterThan(0);
  expect(measured(page, 'overtone_feature_cache_bytes')).toBe(0);
  for (const program of ['gateway', 'worker', 'engine']) {
    expect(measured(page, 'overtone_resident_memory_bytes', `process="${program}"`)).toBeGreaterThan(10e6);
  }
  expect(measured(page, 'overtone_calls_total', 'call="POST /v1/generations",status="201"')).toBe(2);
  expect(measured(page, 'overtone_events_dropped_total')).toBe(0);
  const names = [...page.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  expect(new Set(names).size).toBe(names.length);
});

test('one trace leads from the client through gateway and worker to the denoising', async () => {
  const named = (name: string) => spans.filter((span) => span.name === name && span.traceId === TRACE_ID);
  await expect.poll(() => named('decode').length, { timeout: 15_000 }).toBe(2);
  await expect.poll(() => named('POST /v1/generations').length, { timeout: 15_000 }).toBe(2);
  const [denoise] = named('denoise');
  const chain: string[] = [];
  for (let span = denoise; span !== undefined; ) {
    chain.push(`${span.program} ${span.name}`);
    const { parentSpanId } = span;
    span = spans.find(({ spanId }) => spanId === parentSpanId);
    if (span === undefined) expect(parentSpanId).toBe(CLIENT_SPAN);
  }
  expect(chain).toEqual([
    'overtone-engine denoise',
    'overtone-engine run',
    'overtone-worker job',
    'overtone-gateway POST /v1/generations',
  ]);
  const lengthOf = ({ startTimeUnixNano, endTimeUnixNano }: OtlpSpan) =>
    Number(BigInt(endTimeUnixNano) - BigInt(startTimeUnixNano));
  const [run] = named('run');
  expect(denoise && run && lengthOf(denoise) > 0 && lengthOf(denoise) <= lengthOf(run)).toBe(true);
});

test('the board shows the queue to an admin, by a browser too, and to nobody else', async () => {
  const board = (path: string, headers: Record<string, string> = {}) => fetch(at(`/admin/queues${path}`), { headers });
  const closed = await board('');
  expect([closed.status, closed.headers.get('www-authenticate')]).toEqual([401, expect.stringContaining('Basic')]);
  const basic = { authorization: `Basic ${btoa(ADMIN_KEY.replace('.', ':'))}` };
  const page = await board('', basic);
  expect(page.status).toBe(200);
  expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
  expect(await page.text()).toContain('<div id="root">');
  const queues = await (await board('/api/queues', AS_ADMIN)).json();
  expect(queues).toMatchObject({ queues: [{ name: 'generations-checkpoint', counts: { completed: 2 } }] });
  const changed = await fetch(at('/admin/queues/api/queues/generations-checkpoint/pause'), {
    method: 'PUT',
    headers: AS_ADMIN,
  });
  expect(changed.status).toBe(405);
  // Name and password open pages and nothing else.
  expect((await fetch(at('/v1/models'), { headers: basic })).status).toBe(401);
});

test('readiness names every model, and who serves it on which device', async () => {
  expect(await (await fetch(at('/readyz'))).json()).toMatchObject({
    status: 'ready',
    redis: 'ok',
    models: [{ id: 'checkpoint', status: 'ready' }],
    workers: [{ model: 'checkpoint', device: 'cpu', state: 'ready' }],
  });
});

test('a day’s pictures have an end, and those that were refused do not count', async () => {
  const made = await postJson(at('/v1/keys'), { owner: 'ana', scopes: ['generate'], pictures_per_day: 3 }, AS_ADMIN);
  const { key } = (await made.json()) as { readonly key: string };
  const ask = (n: number) =>
    postJson(at('/v1/generations'), { ...SMALL_REQUEST, n }, { authorization: `Bearer ${key}` });
  expect((await ask(2)).status).toBe(202);
  const refused = await ask(2);
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await jsonOf(refused)).toMatchObject({ code: 'rate_limited', detail: expect.stringContaining('3 pictures') });
  expect((await ask(1)).status).toBe(202);
});

test('with Redis full the service says that it cannot take jobs', async () => {
  const { Redis } = await import('ioredis');
  const redis = new Redis(service.redisUrl);
  await redis.config('SET', 'maxmemory', '1mb');
  const full = await fetch(at('/readyz'));
  expect([full.status, await full.json()]).toEqual([503, expect.objectContaining({ redis: 'refuses_writes' })]);
  await redis.config('SET', 'maxmemory', '0');
  expect((await fetch(at('/readyz'))).status).toBe(200);
  redis.disconnect();
});
