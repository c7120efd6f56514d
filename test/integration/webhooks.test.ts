import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Redis } from 'ioredis';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { LOCAL } from '../../src/contract/principal.ts';
import { WEBHOOK_TRIES_KEY, WEBHOOKS_KEY } from '../../src/contract/redis-keys.ts';
import { startWebhookDelivery, type WebhookDelivery } from '../../src/service/webhooks/deliver-webhooks.ts';
import { postWebhook } from '../../src/service/webhooks/post-webhook.ts';
import type { WebhookPolicy } from '../../src/service/webhooks/webhook-url.ts';
import { createJobJournal, type JobEnd, type JobJournal } from '../../src/store/job-journal.ts';
import { createWebhookOutbox } from '../../src/store/webhook-outbox.ts';
import { createWebhookSecrets, type WebhookSecrets } from '../../src/store/webhook-secrets.ts';
import { createGatewayMetrics } from '../../src/telemetry/gateway-metrics.ts';
import { NEW_JOB, OUTCOME } from '../support/accepted-job.ts';
import { SILENT, startTestRedis, type TestRedis } from '../support/redis.ts';

/** Webhooks over a real Redis to a real receiver: from the end of a job to what arrives. */

let server: TestRedis;
let redis: Redis;
let journal: JobJournal;
let secrets: WebhookSecrets;
let receiver: Server;
let url: string;
let received: { readonly headers: Record<string, string>; readonly body: string; readonly path: string }[];
let answerWith: (response: ServerResponse, count: number) => void;
let delivery: WebhookDelivery | undefined;

const COMPLETED: JobEnd = { status: 'completed', outcome: OUTCOME };

beforeAll(async () => {
  server = await startTestRedis();
  redis = server.connect();
  journal = createJobJournal(redis, 100);
  secrets = createWebhookSecrets(redis, Date.now);
  receiver = createServer(receive);
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
});

afterAll(async () => {
  receiver?.closeAllConnections();
  await new Promise((resolve) => receiver?.close(resolve));
  await server?.close();
});

beforeEach(async () => {
  await redis.flushall();
  received = [];
  answerWith = (response) => response.writeHead(204).end();
});

afterEach(async () => {
  await delivery?.close();
  delivery = undefined;
});

async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  received.push({ headers, body: Buffer.concat(chunks).toString(), path: request.url ?? '' });
  answerWith(response, received.length);
}

function start(policy: WebhookPolicy = 'any', delaysMs: readonly number[] = [50, 50]): WebhookDelivery {
  const metrics = createGatewayMetrics();
  const outbox = createWebhookOutbox(redis);
  delivery = startWebhookDelivery({ outbox, journal, secrets, policy, metrics, logger: SILENT, delaysMs });
  return delivery;
}

/** A job with a webhook, from its acceptance to its end. */
async function endJob(id: string, end: JobEnd = COMPLETED, to = url, owner = NEW_JOB.owner): Promise<void> {
  await journal.admit(id, { ...NEW_JOB, owner, job: { ...NEW_JOB.job, webhook: { url: to } } });
  const claim = await journal.claim(id, 'cpu');
  if (claim === undefined) return expect.unreachable('there is a job to claim');
  await journal.finish(claim, end);
}

const waiting = () => redis.zcard(WEBHOOKS_KEY);

test('a receiver is told once, in a message that a library of Standard Webhooks verifies', async () => {
  await endJob('a-job');
  start();
  await expect.poll(waiting, { timeout: 5000 }).toBe(0);
  const [message, ...more] = received;
  expect(more).toEqual([]);
  const [secret = ''] = await secrets.of('local');
  const verified = new Webhook(secret).verify(message?.body ?? '', message?.headers ?? {});
  expect(verified).toMatchObject({
    type: 'generation.completed',
    data: { id: 'a-job', status: 'completed', url: '/v1/generations/a-job', images: [] },
  });
  expect(message?.headers['webhook-id']).toBe('msg_a-job');
  const forged = new Webhook(`whsec_${Buffer.alloc(32).toString('base64')}`);
  expect(() => forged.verify(message?.body ?? '', message?.headers ?? {})).toThrow();
});

test('a failure and a cancellation are told too, and a job without a webhook is not', async () => {
  await endJob('cancelled', { status: 'cancelled' });
  await journal.admit('waiting', { ...NEW_JOB, job: { ...NEW_JOB.job, webhook: { url } } });
  await journal.cancel(LOCAL, 'waiting');
  await journal.admit('silent', NEW_JOB);
  await journal.cancel(LOCAL, 'silent');
  start();
  await expect.poll(waiting, { timeout: 5000 }).toBe(0);
  const told = received.map(({ body }) => JSON.parse(body)).map(({ type, data }) => `${type} ${data.id}`);
  expect(told.sort()).toEqual(['generation.cancelled cancelled', 'generation.cancelled waiting']);
});

test('a prompt that looks like a webhook is none', async () => {
  const request = { ...NEW_JOB.job.request, prompt: `"webhook":{"url":"${url}"}` };
  await journal.admit('a-job', { ...NEW_JOB, job: { ...NEW_JOB.job, request } });
  await journal.cancel(LOCAL, 'a-job');
  expect(await waiting()).toBe(0);
});

test('while an old secret is being replaced, both sign', async () => {
  const [old = ''] = await secrets.of('local');
  const fresh = await secrets.rotate('local');
  await endJob('a-job');
  start();
  await expect.poll(() => received.length, { timeout: 5000 }).toBe(1);
  const [message] = received;
  for (const secret of [old, fresh]) {
    expect(() => new Webhook(secret).verify(message?.body ?? '', message?.headers ?? {})).not.toThrow();
  }
  expect(await secrets.of('somebody else')).not.toContain(fresh);
});

test('what fails is tried again under the same id, and given up after the last try', async () => {
  answerWith = (response) => response.writeHead(500).end();
  await endJob('a-job');
  start();
  await expect.poll(waiting, { timeout: 10_000 }).toBe(0);
  expect(received.map(({ headers }) => headers['webhook-id'])).toEqual(['msg_a-job', 'msg_a-job', 'msg_a-job']);
  expect(await redis.hlen(WEBHOOK_TRIES_KEY)).toBe(0);
});

test('a receiver that is gone for good is asked once', async () => {
  answerWith = (response) => response.writeHead(410).end();
  await endJob('a-job');
  start();
  await expect.poll(waiting, { timeout: 5000 }).toBe(0);
  expect(received).toHaveLength(1);
});

test('a gateway that restarts goes on where the one before was', async () => {
  answerWith = (response, count) => response.writeHead(count === 1 ? 503 : 204).end();
  await endJob('a-job');
  const first = start('any', [600, 600]);
  await expect.poll(() => received.length, { timeout: 5000 }).toBe(1);
  await first.close();
  expect([await waiting(), await redis.hget(WEBHOOK_TRIES_KEY, 'a-job')]).toEqual([1, '1']);
  start('any', [600, 600]);
  await expect.poll(waiting, { timeout: 5000 }).toBe(0);
  expect(received).toHaveLength(2);
});

test('what a gateway held when it was killed is taken by another after a while', async () => {
  await endJob('a-job');
  const outbox = createWebhookOutbox(redis);
  const asked = { most: 10, share: 4, busy: new Map(), holdMs: 300 };
  expect(await outbox.take(asked)).toMatchObject([{ jobId: 'a-job', owner: 'local', url, attempt: 1 }]);
  expect(await outbox.take(asked)).toEqual([]);
  start();
  await expect.poll(waiting, { timeout: 5000 }).toBe(0);
  expect(received).toHaveLength(1);
});

test('receivers of one owner that never answer hold up nobody else, however many they are', async () => {
  answerWith = (response) => {
    if (received.at(-1)?.path === '/quick') response.writeHead(204).end();
  };
  const slow = Array.from({ length: 60 }, (_, index) => `slow-${index}`);
  for (const id of slow) await endJob(id, COMPLETED, url, 'slow');
  const startedMs = Date.now();
  start();
  await expect.poll(() => received.length, { timeout: 5000 }).toBe(4);
  await endJob('quick', COMPLETED, url.replace('/hook', '/quick'), 'quick');
  await expect.poll(() => received.some(({ path }) => path === '/quick'), { timeout: 5000 }).toBe(true);
  // Long before the first of the others has been given up.
  expect(Date.now() - startedMs).toBeLessThan(9000);
  expect(received.filter(({ path }) => path === '/hook')).toHaveLength(4);
  receiver.closeAllConnections();
});

test('a redirect is an answer that failed, and is not followed', async () => {
  answerWith = (response) => response.writeHead(307, { location: `${url}/inside` }).end();
  await endJob('a-job');
  start('any', []);
  await expect.poll(waiting, { timeout: 5000 }).toBe(0);
  expect(received.map(({ path }) => path)).toEqual(['/hook']);
});

test('where only public addresses are allowed, nothing inside is reached', async () => {
  await endJob('a-job');
  await endJob('by-name', COMPLETED, url.replace('127.0.0.1', 'localhost'));
  start('public', []);
  await expect.poll(waiting, { timeout: 5000 }).toBe(0);
  expect(received).toEqual([]);
});

test('the connection goes to the address that was looked at, under the name that was asked for', async () => {
  let lookUps = 0;
  const resolve = async () => {
    lookUps += 1;
    return [{ address: '127.0.0.1', family: 4 }];
  };
  const named = url.replace('127.0.0.1', 'hooks.example');
  expect(await postWebhook({ url: named, headers: {}, body: '{}', policy: 'any', resolve })).toBe(204);
  expect([lookUps, received[0]?.headers.host]).toEqual([1, new URL(named).host]);
});

test('a name that leads inside by one of its addresses is refused', async () => {
  const resolve = async () => [
    { address: '93.184.216.34', family: 4 },
    { address: '10.0.0.7', family: 4 },
  ];
  const call = postWebhook({ url: 'http://hooks.example/', headers: {}, body: '{}', policy: 'public', resolve });
  await expect(call).rejects.toThrow('hooks.example leads to 10.0.0.7, which is not a public address');
});
