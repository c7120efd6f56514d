import { expect, test } from 'vitest';
import { problemDetails, ServiceError } from '../../../src/contract/errors.ts';
import type { LoraProfile, ProfileEvent, ProfileOrder } from '../../../src/contract/lora-profile.ts';
import type { ProfileTurn } from '../../../src/queue/profile-queue.ts';
import type { StoredProfile } from '../../../src/store/profile-store.ts';
import { RunFailure } from '../../../src/worker/engine-process.ts';
import { type RunProfileEffects, runProfile } from '../../../src/worker/run-profile.ts';
import { loraProfile } from '../../support/lora-profile.ts';
import { descriptor } from '../../support/model-descriptor.ts';
import { SILENT } from '../../support/redis.ts';

/** Our own ports, faked: an engine that says what a test wants, and a store in memory. */

const PROFILE = loraProfile({ model_sha256: descriptor.sha256 });
const ORDER: ProfileOrder = {
  model_sha256: descriptor.sha256,
  lora: { id: 'ink', sha256: PROFILE.lora_sha256 },
  settings: PROFILE.settings,
  again: false,
};

function effectsWith(
  measure: (order: ProfileOrder) => AsyncIterable<ProfileEvent>,
  before: Partial<StoredProfile> = {},
) {
  const stored: { profile: LoraProfile | null; error: StoredProfile['error'] } = {
    profile: null,
    error: null,
    ...before,
  };
  const store: RunProfileEffects['store'] = {
    findAll: async (pairs) => pairs.map(() => ({ ...stored })),
    async keep(profile) {
      stored.profile = profile;
      stored.error = null;
    },
    async fail(_pair, error) {
      stored.error = error;
    },
  };
  let clock = 0;
  const engine = { ready: async () => descriptor, profile: measure };
  return { stored, effects: { store, engine, now: () => (clock += 300), logger: SILENT } };
}

function turnOf(rest: Partial<ProfileTurn> = {}) {
  const reports: unknown[] = [];
  const turn: ProfileTurn = {
    order: ORDER,
    isLastTry: false,
    signal: new AbortController().signal,
    report: async (progress) => void reports.push(progress),
    ...rest,
  };
  return { turn, reports };
}

async function* measured(): AsyncGenerator<ProfileEvent, void, void> {
  for (let done = 1; done <= 4; done++) yield { type: 'measured', done, total: 4 };
  yield { type: 'profiled', profile: PROFILE };
}

async function* failing(error: Error): AsyncGenerator<ProfileEvent, void, void> {
  yield { type: 'measured', done: 1, total: 4 };
  throw error;
}

test('what the engine measures is kept, and how far it is reported now and then', async () => {
  const { stored, effects } = effectsWith(measured);
  const { turn, reports } = turnOf();

  expect(await runProfile(turn, effects)).toBe('ended');
  expect(stored.profile).toEqual(PROFILE);
  // The clock moves by 300 ms a look; a report is due after 500.
  expect(reports).toEqual([
    { done: 2, total: 4 },
    { done: 4, total: 4 },
  ]);
});

test('what is measured already is not measured again, unless somebody asks for it', async () => {
  let runs = 0;
  const count = () => {
    runs += 1;
    return measured();
  };
  const { effects } = effectsWith(count, { profile: PROFILE });

  expect(await runProfile(turnOf().turn, effects)).toBe('ended');
  expect(runs).toBe(0);
  expect(await runProfile(turnOf({ order: { ...ORDER, again: true } }).turn, effects)).toBe('ended');
  expect(runs).toBe(1);
});

test('an order for a checkpoint that has changed meanwhile ends without a profile', async () => {
  const { stored, effects } = effectsWith(measured);
  expect(await runProfile(turnOf({ order: { ...ORDER, model_sha256: 'older' } }).turn, effects)).toBe('ended');
  expect(stored).toEqual({ profile: null, error: null });
});

test('a LoRA that cannot be measured has its reason kept, beside the profile from before', async () => {
  const problem = problemDetails(new ServiceError('internal', ''));
  const { stored, effects } = effectsWith(() => failing(new RunFailure(problem)), { profile: PROFILE });

  expect(await runProfile(turnOf({ order: { ...ORDER, again: true } }).turn, effects)).toBe('ended');
  expect(stored).toEqual({ profile: PROFILE, error: problem });
});

test('a dead engine is tried again, and the last time it is final', async () => {
  const { stored, effects } = effectsWith(() => failing(new ServiceError('engine_crashed', 'gone')));

  expect(await runProfile(turnOf().turn, effects)).toBe('retry');
  expect(stored.error).toBeNull();
  expect(await runProfile(turnOf({ isLastTry: true }).turn, effects)).toBe('ended');
  expect(stored.error?.code).toBe('engine_crashed');
});

test('a worker that stops gives it back', async () => {
  const stop = new AbortController();
  const { stored, effects } = effectsWith(async function* () {
    stop.abort('draining');
    yield* failing(new Error('aborted'));
  });
  expect(await runProfile(turnOf({ signal: stop.signal }).turn, effects)).toBe('handed back');
  expect(stored.error).toBeNull();
});
