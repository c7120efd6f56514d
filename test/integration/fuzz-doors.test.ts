import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadDefinitions, rpcsOf } from '../../src/grpc/protocol.ts';
import { type Gateway, openGateway } from '../../src/main/open-gateway.ts';
import { descriptor } from '../support/model-descriptor.ts';
import { playWorker } from '../support/played-worker.ts';
import { SILENT, startTestRedis, type TestRedis } from '../support/redis.ts';
import { testSettings } from '../support/test-service.ts';

/**
 * Requests with something broken in them, at a real gateway by both doors: every one is answered, soon, and none with a fault of the
 * service. `OVERTONE_FUZZ=10000` sends as many by each door.
 */

const RUNS = Number(process.env.OVERTONE_FUZZ ?? 200);
const SOON_MS = 10_000;

let redis: TestRedis;
let data: string;
let gateway: Gateway;
let stopWorker: () => void;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

beforeAll(async () => {
  redis = await startTestRedis();
  data = await mkdtemp(join(tmpdir(), 'overtone-fuzz-'));
  gateway = await openGateway({ ...testSettings(data), redisUrl: redis.url, maxOutstanding: 100_000 }, SILENT);
  stopWorker = await playWorker(redis.connect(), descriptor);
});

afterAll(async () => {
  agent.destroy();
  stopWorker?.();
  await gateway?.close();
  await redis?.close();
  await rm(data, { recursive: true, force: true });
});

const GOOD = {
  prompt: 'a pier',
  negative_prompt: 'people',
  width: 64,
  height: 64,
  steps: 3,
  guidance_scale: 5,
  sampler: 'euler',
  seed: 1,
  n: 2,
  loras: [{ id: 'ink', weight: { unet: 1, text_encoder: 0.5 }, frequency_class: 'high' }],
  composition: { method: 'cmlora', preset: 'fast', turn: { near: 1, middle: 2, bounds: [0.1, 0.9] }, cut: 'outer' },
  preview: { every_steps: 2 },
  priority: 'low',
  deadline_ms: 1000,
  output: { format: 'png' },
};

/** One that is accepted where nothing is broken: there is no LoRA here. */
const { loras: _, composition: __, ...PLAIN } = GOOD;

/** A good request with some of its parts, at any depth, replaced, taken out or renamed. */
const almostGood = fc
  .array(
    fc.tuple(fc.nat(60), fc.oneof({ weight: 3, arbitrary: fc.jsonValue() }, fc.constant(undefined)), fc.string()),
    {
      minLength: 1,
      maxLength: 4,
    },
  )
  .chain((changes) => fc.tuple(fc.constant(changes), fc.constantFrom<object>(GOOD, PLAIN)))
  .map(([changes, good]) => {
    const body = structuredClone(good) as Record<string, unknown>;
    for (const [place, value, name] of changes) change(body, place, value, name);
    return body;
  });

function change(body: Record<string, unknown>, place: number, value: unknown, name: string): void {
  const places: (readonly [Record<string, unknown>, string])[] = [];
  const visit = (part: unknown): void => {
    if (typeof part !== 'object' || part === null) return;
    for (const key of Object.keys(part)) {
      places.push([part as Record<string, unknown>, key]);
      visit((part as Record<string, unknown>)[key]);
    }
  };
  visit(body);
  const [parent, key] = places[place % places.length] ?? [body, 'prompt'];
  if (value !== undefined) parent[key] = value;
  else if (name === '') delete parent[key];
  else if (!Array.isArray(parent))
    Object.defineProperty(parent, name, { value: parent[key], enumerable: true, configurable: true, writable: true });
}

const text = fc.oneof(
  { weight: 4, arbitrary: almostGood.map((body) => JSON.stringify(body)) },
  // Nothing broken but, at times, the headers: so that some are accepted in every run of the test.
  fc.constant(JSON.stringify(PLAIN)),
  // Cut off, or with a character that is another.
  fc.tuple(almostGood, fc.nat(), fc.string({ maxLength: 3 })).map(([body, at, put]) => {
    const json = JSON.stringify(body);
    const index = at % json.length;
    return json.slice(0, index) + put + json.slice(index + put.length);
  }),
  fc.json({ maxDepth: 8 }),
  fc.string(),
);

const PATHS = ['/v1/generations', '/v1/generations', '/v1/generations:plan'];
const headers = fc.record({
  'content-type': fc.oneof(
    { weight: 8, arbitrary: fc.constant('application/json') },
    fc.constantFrom('text/plain', 'application/json; charset=utf-16', 'multipart/form-data', 'x'),
  ),
  'idempotency-key': fc.option(fc.constantFrom('a', 'b', '"quoted"', '\u00e4', 'x'.repeat(300)), { nil: undefined }),
  prefer: fc.option(fc.constantFrom('wait=0', 'wait=x', 'wait="'), { nil: undefined }),
});

function post(path: string, body: string, sent: Readonly<Record<string, string | undefined>>): Promise<number> {
  const { hostname, port } = new URL(gateway.httpUrl);
  const given = Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== undefined));
  return new Promise((resolve, reject) => {
    const sending = request(
      { hostname, port, path, method: 'POST', agent, headers: given, timeout: SOON_MS },
      (response) => {
        response.resume();
        response.once('end', () => resolve(response.statusCode ?? 0));
      },
    );
    sending.once('timeout', () => sending.destroy(new Error(`no answer within ${SOON_MS} ms`)));
    sending.once('error', reject);
    sending.end(body);
  });
}

test(`${RUNS} HTTP requests with something broken in them are answered, and none with 500`, async () => {
  const seen = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...PATHS), text, headers, async (path, body, sent) => {
      const code = await post(path, body, sent);
      seen.set(code, (seen.get(code) ?? 0) + 1);
      expect([200, 202, 400, 404, 409, 413, 415, 422]).toContain(code);
    }),
    { numRuns: RUNS },
  );
  // Where everything were refused for one reason, little would have been tried.
  expect(seen.get(422)).toBeGreaterThan(RUNS / 5);
  expect((seen.get(202) ?? 0) + (seen.get(200) ?? 0) + (seen.get(404) ?? 0)).toBeGreaterThan(0);
}, 900_000);

test(`${RUNS} gRPC messages with something broken in them are answered, and none as a fault of the service`, async () => {
  const client = new Client(gateway.grpcAddress, credentials.createInsecure());
  const { path, requestSerialize } = rpcsOf(loadDefinitions()).Plan ?? {
    path: '',
    requestSerialize: () => Buffer.alloc(0),
  };
  const submit = path.replace('Plan', 'Submit');
  const good = requestSerialize({ ...GOOD, loras: [{ id: 'ink', weight: 1 }], composition: undefined });
  const bytes = fc.oneof(
    fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }).map((changes) => {
      const changed = Buffer.from(good);
      for (const [at, byte] of changes) changed[at % changed.length] = byte;
      return changed;
    }),
    fc.nat(good.length).map((end) => good.subarray(0, end)),
    fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.concat([good, array])),
    fc.uint8Array({ maxLength: 500 }).map((array) => Buffer.from(array)),
  );
  const codes = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(path, submit), bytes, async (rpc, message) => {
      const code = await new Promise<number>((resolve) => {
        client.makeUnaryRequest(
          rpc,
          () => message,
          (answer) => answer,
          {},
          { deadline: Date.now() + SOON_MS },
          (error) => resolve(error === null ? status.OK : error.code),
        );
      });
      codes.set(code, (codes.get(code) ?? 0) + 1);
      expect([status.OK, status.INVALID_ARGUMENT, status.NOT_FOUND, status.FAILED_PRECONDITION]).toContain(code);
    }),
    { numRuns: RUNS },
  );
  client.close();
  expect(codes.get(status.INVALID_ARGUMENT)).toBeGreaterThan(RUNS / 5);
}, 900_000);
