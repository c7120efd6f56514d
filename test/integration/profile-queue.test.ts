import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { problemDetails, ServiceError } from '../../src/contract/errors.ts';
import type { ProfileOrder } from '../../src/contract/lora-profile.ts';
import {
  createProfileProducer,
  openProfileConsumer,
  type ProfileConsumer,
  type ProfileProducer,
  type ProfileTurn,
} from '../../src/queue/profile-queue.ts';
import type { TurnVerdict } from '../../src/queue/turns.ts';
import { createProfiles } from '../../src/service/profiles.ts';
import { createProfileStore } from '../../src/store/profile-store.ts';
import { loraProfile } from '../support/lora-profile.ts';
import { descriptor } from '../support/model-descriptor.ts';
import { until } from '../support/processes.ts';
import { SILENT, startTestRedis, type TestRedis } from '../support/redis.ts';

/** Orders, turns and the store, on a real Redis; what a turn does is a test's own. */

const MODEL = descriptor;
const LORA = { id: 'ink', sha256: 'b'.repeat(64) };
const PROFILE = loraProfile({ model_sha256: MODEL.sha256, lora_sha256: LORA.sha256 });

let server: TestRedis;
let producer: ProfileProducer;
const consumers: ProfileConsumer[] = [];
let turns: ProfileTurn[];
let givenUp: ProfileOrder[];

beforeAll(async () => {
  server = await startTestRedis();
});

beforeEach(async () => {
  for (const consumer of consumers.splice(0)) await consumer.close();
  await server.connect().flushall();
  producer = createProfileProducer(server.connect());
  turns = [];
  givenUp = [];
});

afterAll(async () => {
  for (const consumer of consumers.splice(0)) await consumer.close();
  await server?.close();
});

async function consume(take: (turn: ProfileTurn) => Promise<TurnVerdict>): Promise<void> {
  const consumer = openProfileConsumer({
    connection: server.connect(),
    model: MODEL.id,
    take: async (turn) => {
      turns.push(turn);
      return await take(turn);
    },
    onGivenUp: async (order) => void givenUp.push(order),
    logger: SILENT,
  });
  consumers.push(consumer);
  await consumer.resume();
}

function profilesOf(isAutomatic = true) {
  const store = createProfileStore(server.connect());
  return { store, profiles: createProfiles({ store, queue: producer, isAutomatic, logger: SILENT }) };
}

const stateOf = async (profiles: ReturnType<typeof profilesOf>['profiles']) => (await profiles.read(MODEL, [LORA]))[0];

test('a LoRA that shows up is measured once, however many see it, and never again while its profile is there', async () => {
  const { store, profiles } = profilesOf();
  expect(await stateOf(profiles)).toEqual({ status: 'absent', progress: null, profile: null, error: null });

  await Promise.all([1, 2, 3].map(() => profiles.notice(MODEL, [LORA, LORA])));
  expect(await stateOf(profiles)).toMatchObject({ status: 'pending', profile: null });
  expect(await profiles.known(MODEL, [LORA])).toEqual([{ status: 'pending', profile: null }]);

  await consume(async ({ order }) => {
    await store.keep({ ...PROFILE, settings: order.settings });
    return 'ended';
  });
  await until('it is measured', async () => (await stateOf(profiles))?.status === 'ready');

  // Another gateway and another worker, later: what lies in Redis is what they see.
  const later = profilesOf();
  await later.profiles.notice(MODEL, [LORA]);
  expect(await stateOf(later.profiles)).toMatchObject({ status: 'ready', profile: { lora_sha256: LORA.sha256 } });
  const { score, halves } = PROFILE.pixel;
  expect(await later.profiles.known(MODEL, [LORA, { sha256: 'another' }])).toEqual([
    { status: 'ready', profile: { pixel: { score, halves } } },
    { status: 'absent', profile: null },
  ]);
  expect(turns).toHaveLength(1);
});

test('a request sees a LoRA as ordered from then on, and orders it once', async () => {
  const orders: ProfileOrder[] = [];
  const queue: ProfileProducer = {
    ...producer,
    async order(model, order) {
      orders.push(order);
      await producer.order(model, order);
    },
  };
  const store = createProfileStore(server.connect());
  const profiles = createProfiles({ store, queue, isAutomatic: true, logger: SILENT });
  const another = { id: 'fox', sha256: 'c'.repeat(64) };
  const pending = { status: 'pending', profile: null };
  expect(await profiles.recognise(MODEL, [LORA, another])).toEqual([pending, pending]);
  expect(await profiles.recognise(MODEL, [another, LORA])).toEqual([pending, pending]);
  expect(orders.map(({ lora }) => lora.id)).toEqual(['ink', 'fox']);

  await store.keep(PROFILE);
  expect(await profiles.recognise(MODEL, [LORA, another])).toMatchObject([{ status: 'ready' }, pending]);
  const elsewhere = { ...MODEL, id: 'elsewhere', sha256: 'another' };
  expect(await profiles.known(elsewhere, [another])).toEqual([{ status: 'absent', profile: null }]);
});

test('a request without a LoRA asks nobody', async () => {
  const store = { ...createProfileStore(server.connect()), outlook: () => Promise.reject(new Error('asked')) };
  const profiles = createProfiles({ store, queue: producer, isAutomatic: true, logger: SILENT });
  expect(await profiles.recognise(MODEL, [])).toEqual([]);
});

test('the same bytes on another checkpoint are another profile', async () => {
  const { store, profiles } = profilesOf();
  await store.keep(PROFILE);
  const [here] = await profiles.read(MODEL, [LORA]);
  const [elsewhere] = await profiles.read({ ...MODEL, sha256: 'another' }, [LORA]);
  expect([here?.status, elsewhere?.status]).toEqual(['ready', 'absent']);
});

test('where nothing is to be measured by itself, only an order does it', async () => {
  const { profiles } = profilesOf(false);
  await profiles.notice(MODEL, [LORA]);
  expect((await stateOf(profiles))?.status).toBe('absent');

  const triggered = { ...LORA, triggers: ['inkwash', 'brush'] };
  expect((await profiles.measure(MODEL, triggered, { seedCount: 5 })).status).toBe('pending');
  await consume(async () => 'ended');
  await until('its turn comes', async () => turns.length === 1);
  expect(turns[0]?.order).toMatchObject({ again: true, lora: LORA, settings: { seeds: [0, 1, 2, 3, 4] } });
  expect(turns[0]?.order.settings.prompts.every((prompt) => prompt.endsWith(', inkwash, brush'))).toBe(true);
});

test('while it is measured again the profile from before is there, and how far it is', async () => {
  const { store, profiles } = profilesOf();
  await store.keep(PROFILE);
  await profiles.measure(MODEL, LORA, {});
  let finish = () => {};
  await consume(async (turn) => {
    await turn.report({ done: 3, total: 9 });
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    return 'ended';
  });
  await until('it says how far it is', async () => (await stateOf(profiles))?.progress != null);
  expect(await stateOf(profiles)).toMatchObject({
    status: 'pending',
    progress: { done: 3, total: 9 },
    profile: { lora_sha256: LORA.sha256 },
  });
  finish();
  await until('it has ended', async () => (await stateOf(profiles))?.status === 'ready');
});

test('a failure says why, is not tried again by itself, and an order clears it', async () => {
  const { store, profiles } = profilesOf();
  await store.fail(PROFILE, problemDetails(new ServiceError('internal', '')));
  await profiles.notice(MODEL, [LORA]);
  expect(await stateOf(profiles)).toMatchObject({ status: 'failed', error: { code: 'internal' } });

  await profiles.measure(MODEL, LORA, {});
  await consume(async () => {
    await store.keep(PROFILE);
    return 'ended';
  });
  await until('it is measured', async () => (await stateOf(profiles))?.status === 'ready');
  expect((await stateOf(profiles))?.error).toBeNull();
});

test('a model whose own size is too small is not measured by itself, and says why to who asks', async () => {
  const small = { ...MODEL, defaults: { ...MODEL.defaults, width: 64, height: 64 } };
  const { profiles } = profilesOf();
  expect(await profiles.recognise(small, [LORA])).toEqual([{ status: 'absent', profile: null }]);
  await profiles.notice(small, [LORA]);
  expect((await profiles.read(small, [LORA]))[0]?.status).toBe('absent');
  await expect(profiles.measure(small, LORA, {})).rejects.toThrow('no low frequencies');
});

test('a try that may succeed later comes back, and one that was handed back does not count', async () => {
  const { profiles } = profilesOf();
  await profiles.notice(MODEL, [LORA]);
  const verdicts: TurnVerdict[] = ['handed back', 'retry', 'ended'];
  await consume(async () => verdicts.shift() ?? 'ended');
  await until('it has ended', async () => turns.length === 3 && (await stateOf(profiles))?.status === 'absent');
  expect(turns.map(({ isLastTry }) => isLastTry)).toEqual([false, false, true]);
});

test('a worker that stops hands back at once what it measures', async () => {
  const { profiles } = profilesOf();
  await profiles.notice(MODEL, [LORA]);
  await consume(async ({ signal }) => {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    return 'handed back';
  });
  await until('it is being measured', async () => turns.length === 1);
  for (const consumer of consumers.splice(0)) await consumer.close();
  expect((await stateOf(profiles))?.status).toBe('pending');

  await consume(async () => 'ended');
  await until('another has taken it', async () => turns.length === 2);
});
