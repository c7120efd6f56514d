import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GenerationPlan } from '../../src/contract/generation-plan.ts';
import { type GrpcClient, openGrpcClient } from '../../src/grpc/client.ts';
import { type Gateway, openGateway } from '../../src/main/open-gateway.ts';
import { startWorkerProcess, type WorkerProcess } from '../../src/main/worker-process.ts';
import { GOLDEN_CHECKPOINT } from '../support/golden-checkpoint.ts';
import { GOLDEN_LORAS } from '../support/golden-engine.ts';
import { engineOf, until } from '../support/processes.ts';
import { SILENT, startTestRedis, type TestRedis } from '../support/redis.ts';
import { postJson, SMALL_REQUEST, testSettings } from '../support/test-service.ts';

/**
 * Plans by every door, and what a gateway answers by itself. A gateway stands from the start; its worker comes, stops in mid-step and
 * goes again, in the order of the tests.
 */

let folder: string;
let redis: TestRedis;
let gateway: Gateway;
let grpc: GrpcClient;
let worker: WorkerProcess | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-plan-'));
  redis = await startTestRedis();
  gateway = await openGateway(settings(), SILENT);
  grpc = openGrpcClient(gateway.grpcAddress);
});

afterAll(async () => {
  grpc?.close();
  await worker?.close();
  await gateway?.close();
  await redis?.close();
  await rm(folder, { recursive: true, force: true });
});

function settings() {
  return { ...testSettings(folder), redisUrl: redis.url, model: GOLDEN_CHECKPOINT, loras: GOLDEN_LORAS };
}

const LORAS = [
  { id: 'kohya-attention-r4', weight: 0.8, frequency_class: 'low' },
  { id: 'peft-attention-r8', weight: -0.5 },
  { id: 'kohya-feedforward-r6', weight: 0.6, frequency_class: 'high' },
];
const WEIGHTS = LORAS.map(({ id }, index) => ({ id, weight: 0.25 + index / 4 }));
const REQUESTS = {
  merge: { ...SMALL_REQUEST, steps: 4, loras: LORAS, composition: { method: 'merge' } },
  'cmlora quality': { ...SMALL_REQUEST, steps: 8, n: 2, loras: LORAS, composition: { method: 'cmlora' } },
  'cmlora fast': { ...SMALL_REQUEST, steps: 12, loras: LORAS, composition: { method: 'cmlora', preset: 'fast' } },
  'cmlora with its own cut': {
    ...SMALL_REQUEST,
    steps: 9,
    sampler: 'euler',
    loras: LORAS,
    composition: { method: 'cmlora', cut: { level: 1, layers: 3 }, refresh: { policy: 'on_turn', max_age: 9 } },
  },
  switch: { ...SMALL_REQUEST, loras: LORAS, composition: { method: 'switch', tau: 3 } },
  composite: { ...SMALL_REQUEST, loras: LORAS, composition: { method: 'composite' } },
  'cmlora with deltas and the plain model unconditionally': {
    ...SMALL_REQUEST,
    steps: 8,
    loras: LORAS,
    composition: { method: 'cmlora', cache: 'delta', uncond: 'base' },
  },
  'merge at a scale': { ...SMALL_REQUEST, steps: 3, loras: LORAS, composition: { method: 'merge', scale: 0.6 } },
  lorahub: { ...SMALL_REQUEST, steps: 3, loras: LORAS, composition: { method: 'lorahub', weights: WEIGHTS } },
  'switch-a': { ...SMALL_REQUEST, steps: 6, loras: LORAS, composition: { method: 'switch-a', tau: 2 } },
  'w-switch with its weights': {
    ...SMALL_REQUEST,
    steps: 6,
    loras: LORAS,
    composition: { method: 'w-switch', weights: WEIGHTS, tau: 2 },
  },
  'w-composite with its weights': {
    ...SMALL_REQUEST,
    steps: 3,
    loras: LORAS,
    composition: { method: 'w-composite', weights: WEIGHTS },
  },
  'delta-composite': {
    ...SMALL_REQUEST,
    steps: 3,
    loras: LORAS,
    composition: { method: 'delta-composite', scale: 0.7 },
  },
  'loratorio-like': { ...SMALL_REQUEST, steps: 3, loras: LORAS, composition: { method: 'loratorio-like' } },
  'heun, which looks twice in a step': {
    ...SMALL_REQUEST,
    steps: 5,
    sampler: 'heun',
    loras: LORAS,
    composition: { method: 'cmlora' },
  },
  'no LoRA and no guidance': { ...SMALL_REQUEST, guidance_scale: 0 },
};

const post = (path: string, body: unknown, headers?: Record<string, string>) =>
  postJson(`${gateway.httpUrl}${path}`, body, headers);
const plan = async (body: unknown) => (await (await post('/v1/generations:plan', body)).json()) as GenerationPlan;
const codeAt = async (response: Response) =>
  ({ status: response.status, code: ((await response.json()) as { code?: string }).code }) as const;
const receipt = () => fetch(`${gateway.httpUrl}/v1/loras/peft-attention-r8`);

test('before any worker has been there, what needs no model is answered and the rest is 503', async () => {
  const bad = await post('/v1/generations:plan', { ...SMALL_REQUEST, steps: 0 });
  expect(await codeAt(bad)).toEqual({ status: 422, code: 'invalid_request' });
  for (const path of ['/v1/generations:plan', '/v1/generations']) {
    const response = await post(path, SMALL_REQUEST);
    expect(response.headers.get('retry-after')).not.toBeNull();
    expect(await codeAt(response)).toEqual({ status: 503, code: 'no_worker' });
  }
  expect(await codeAt(await receipt())).toEqual({ status: 503, code: 'no_worker' });
});

test('a worker comes', async () => {
  worker = startWorkerProcess({ settings: settings(), onState: () => {}, logger: SILENT });
  await until('it is ready', async () => (await fetch(`${gateway.httpUrl}/readyz`)).status === 200, 60_000);
});

test.each(Object.entries(REQUESTS))('%s: the passes that ran are the plan answered before', async (_, request) => {
  const planned = await plan(request);
  const response = await post('/v1/generations', request, { prefer: 'wait=60' });
  expect(response.status).toBe(201);
  const { result } = (await response.json()) as { result: Record<string, unknown> };

  expect(result.plan).toEqual(planned.plan.map(({ refreshed: _, cost: __, ...evaluation }) => evaluation));
  expect(result.passes).toEqual(planned.passes);
  expect(result.request).toEqual(planned.request);
  expect(result.loras).toEqual(planned.loras);
  expect(result.model).toEqual(planned.model);
});

test('where the prompt decides the weights, a plan says that it takes them to be equal, and counts the passes that run', async () => {
  const triggers = [{ id: 'peft-attention-r8', phrases: ['fox'] }];
  const composition = { method: 'w-composite', triggers };
  const request = { ...SMALL_REQUEST, prompt: 'a fox in the snow', steps: 3, loras: LORAS, composition };
  const planned = await plan(request);
  expect(planned.warnings).toContainEqual(expect.stringContaining('taken to be equal'));
  const response = await post('/v1/generations', request, { prefer: 'wait=60' });
  const { result } = (await response.json()) as { result: GenerationPlan };
  expect(result.passes).toEqual(planned.passes);
  // Only one of the three has a phrase.
  expect(result.plan[0]?.weights.map(({ weight }) => weight)).toEqual([0, 1, 0]);
});

test('the cost is that of the passes: whole ones and the share of the cut', async () => {
  const { passes, cost } = await plan(REQUESTS['cmlora fast']);
  expect(passes.reuse).toBeGreaterThan(0);
  expect(cost.reuse_share).toBeGreaterThan(0);
  expect(cost.reuse_share).toBeLessThan(0.5);
  expect(cost.full_passes).toBeCloseTo(passes.full + passes.reuse * (cost.reuse_share ?? 0), 9);
});

test('HTTP, gRPC and the command line answer one plan', async () => {
  const request = { ...REQUESTS['cmlora fast'], composition: { method: 'cmlora', preset: 'fast' } };
  const byHttp = await plan(request);
  const struct = { fields: { method: { stringValue: 'cmlora' }, preset: { stringValue: 'fast' } } };
  const byGrpc = (await grpc.call('Plan', { ...request, composition: struct })) as unknown as GenerationPlan;
  const file = join(folder, 'request.json');
  await writeFile(file, JSON.stringify(request));
  const byCli = await overtone('plan', '--request', file, '--json');
  const byFlags = await overtone(
    ...['plan', '--prompt', SMALL_REQUEST.prompt, '--size', '64x64', '--seed', '7', '--steps', '12', '--json'],
    ...LORAS.flatMap(({ id, weight }) => ['--lora', `${id}:${weight}`]),
    ...['--composition', '{"method":"cmlora","preset":"fast"}'],
  );

  expect(JSON.parse(byCli)).toEqual(byHttp);
  // Flags state no frequency class.
  const unclassed = await plan({ ...request, loras: LORAS.map(({ id, weight }) => ({ id, weight })) });
  expect(JSON.parse(byFlags)).toMatchObject({ passes: unclassed.passes, cost: unclassed.cost });
  expect(byGrpc).toMatchObject({
    // What is null in JSON is not there in gRPC.
    leading: withoutNulls(byHttp.leading),
    passes: byHttp.passes,
    cost: byHttp.cost,
    model: byHttp.model,
    warnings: byHttp.warnings,
  });
  expect(byGrpc.plan.map(({ leader, cost }) => ({ leader, cost }))).toEqual(
    byHttp.plan.map(({ leader, cost }) => ({ leader, cost })),
  );
});

function withoutNulls(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_, each) => (each === null ? undefined : each));
}

test('the command line tells a person the plan and writes no file', async () => {
  const told = await overtone('plan', '--prompt', 'a fox', '--size', '64x64', '--steps', '3');
  expect(told).toMatch(/plan: merge, 3 evaluations, 6 full and 0 reuse rows/);
});

async function overtone(...argv: readonly string[]): Promise<string> {
  const program = join(import.meta.dirname, '../../bin/overtone.mjs');
  const env = { ...process.env, OVERTONE_MODEL: GOLDEN_CHECKPOINT, OVERTONE_LORAS: GOLDEN_LORAS };
  return (await promisify(execFile)(process.execPath, [program, ...argv], { env, cwd: folder })).stdout;
}

/** What a gateway answers with no worker at work. */
async function expectAnswers(): Promise<void> {
  expect((await plan(REQUESTS.merge)).passes).toEqual({ full: 8, reuse: 0 });
  expect(await (await receipt()).json()).toMatchObject({ id: 'peft-attention-r8', ranks: [8] });
  const bad = {
    ...SMALL_REQUEST,
    loras: [{ id: 'nobody' }],
    composition: { method: 'cmlora', cut: { level: 9, layers: 1 } },
  };
  for (const path of ['/v1/generations:plan', '/v1/generations']) {
    const { problems } = (await (await post(path, bad)).json()) as { problems: readonly { subject: string }[] };
    expect(problems.map(({ subject }) => subject)).toEqual(['loras[0].id', 'composition.cut.level']);
  }
}

test('plans, receipts and refusals are answered while the engine stands still in a step', async () => {
  const busy = (await (await post('/v1/generations', { ...SMALL_REQUEST, steps: 150 })).json()) as { id: string };
  const engine = engineOf(worker?.pid()) ?? expect.unreachable('the worker has an engine');
  process.kill(engine, 'SIGSTOP');
  try {
    await expectAnswers();
  } finally {
    process.kill(engine, 'SIGCONT');
  }
  await post(`/v1/generations/${busy.id}/cancel`, {});
});

test('and when the last worker has gone; only a job is 503 then', async () => {
  await worker?.close();
  worker = undefined;
  await until('it is gone', async () => (await fetch(`${gateway.httpUrl}/readyz`)).status === 503);

  await until('the gateway knows', async () => (await post('/v1/generations', SMALL_REQUEST)).status === 503, 5000);
  await expectAnswers();
  expect(await codeAt(await post('/v1/generations', SMALL_REQUEST))).toEqual({ status: 503, code: 'no_worker' });
  const { models } = (await (await fetch(`${gateway.httpUrl}/v1/models`)).json()) as { models: unknown[] };
  expect(models).toEqual([]);
});
