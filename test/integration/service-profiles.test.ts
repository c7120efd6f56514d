import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GenerationPlan } from '../../src/contract/generation-plan.ts';
import type { NamedReceipt } from '../../src/contract/generation-result.ts';
import type { LoraProfile } from '../../src/contract/lora-profile.ts';
import { openGrpcClient } from '../../src/grpc/client.ts';
import { connectRedis } from '../../src/main/connect-redis.ts';
import type { DescribedProfile } from '../../src/service/describe-profile.ts';
import { createProfileStore } from '../../src/store/profile-store.ts';
import { GOLDEN_CHECKPOINT } from '../support/golden-checkpoint.ts';
import { GOLDEN_LORAS } from '../support/golden-engine.ts';
import { loraProfile, spaceProfile } from '../support/lora-profile.ts';
import { until } from '../support/processes.ts';
import { SILENT } from '../support/redis.ts';
import { postJson, SMALL_REQUEST, startTestService, type TestService } from '../support/test-service.ts';

/** A whole service that measures a LoRA, puts what it found to use, keeps it over a restart, and lets nobody wait for it. */

const [A, B, C] = ['kohya-attention-r4', 'peft-attention-r8', 'legacy-cross-attention-r2'];

interface Description {
  readonly sha256: string;
  readonly frequency_profile: DescribedProfile;
}

let folder: string;
let service: TestService;

/** The golden checkpoint at 96x96, which takes half as long. */
async function smallCheckpoint(): Promise<string> {
  const path = join(folder, 'checkpoint');
  await cp(GOLDEN_CHECKPOINT, path, { recursive: true });
  const config = join(path, 'unet/config.json');
  await writeFile(config, JSON.stringify({ ...JSON.parse(await readFile(config, 'utf8')), sample_size: 12 }));
  return path;
}

async function start(profiles: 'auto' | 'off'): Promise<void> {
  const loras = join(folder, 'loras');
  service = await startTestService({ model: join(folder, 'checkpoint'), data: join(folder, 'data'), loras, profiles });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-profiles-'));
  await mkdir(join(folder, 'loras'));
  for (const id of [A, B])
    await cp(join(GOLDEN_LORAS, `${id}.safetensors`), join(folder, 'loras', `${id}.safetensors`));
  await smallCheckpoint();
  await start('off');
});

afterAll(async () => {
  await service?.close();
  await rm(folder, { recursive: true, force: true });
});

async function get<T>(path: string): Promise<T> {
  return (await (await fetch(`${service.httpUrl}${path}`)).json()) as T;
}

const describe_ = (id: string) => get<Description>(`/v1/loras/${id}`);
const statusOf = async (id: string) => (await describe_(id)).frequency_profile.status;

async function plan(): Promise<GenerationPlan> {
  const request = { ...SMALL_REQUEST, loras: [{ id: A }, { id: B }], composition: { method: 'cmlora' } };
  return (await (await postJson(`${service.httpUrl}/v1/generations:plan`, request)).json()) as GenerationPlan;
}

test('a LoRA is measured when somebody asks for it, and described by what was found', {
  timeout: 180_000,
}, async () => {
  expect(await statusOf(A)).toBe('absent');
  expect((await plan()).leading?.classes.map(({ source }) => source)).toEqual(['assumed', 'assumed']);

  const url = `${service.httpUrl}/v1/loras/${A}/profile`;
  expect((await fetch(url)).status).toBe(404);
  const refused = await postJson(url, { seeds: 1, prompt: 'a fox' });
  expect([refused.status, (await refused.json()) as object]).toMatchObject([422, { problems: { length: 2 } }]);
  const ordered = await postJson(url, { steps: 5 });
  expect([ordered.status, await ordered.json()]).toMatchObject([202, { frequency_profile: { status: 'pending' } }]);
  await until('it is measured', async () => (await statusOf(A)) === 'ready', 170_000);

  const { sha256, frequency_profile } = await describe_(A);
  const { measured } = frequency_profile;
  expect(measured).toMatchObject({ lora_sha256: sha256, settings: { steps: 5, width: 96, height: 96 } });
  expect(measured?.pixel.score).toBeGreaterThan(0);
  expect(measured?.pixel.levels[0]).not.toHaveProperty('spectrum');
  const whole = await get<LoraProfile>(`/v1/loras/${A}/profile`);
  expect(whole.pixel.levels[0]?.spectrum.length).toBeGreaterThan(60);
  expect(whole.pixel.score).toBe(measured?.pixel.score);
  const client = openGrpcClient(service.grpcAddress);
  const { progress: _, error: __, ...described } = frequency_profile;
  expect(await client.loras('Get', { id: A })).toMatchObject({ frequency_profile: described });
  await expect(client.loras('MeasureProfile', { id: A, seeds: 1 })).rejects.toThrow('seeds is 1');
  client.close();
});

test('a request that names no class has them from the profiles, and plan and receipts say so', async () => {
  const { measured } = (await describe_(A)).frequency_profile;
  // Of B a profile is put beside it: what two random LoRAs are to each other is chance.
  const redis = connectRedis({ url: service.redisUrl, use: 'patient', logger: SILENT });
  const other = loraProfile({
    model_sha256: measured?.model_sha256 ?? '',
    lora_sha256: (await describe_(B)).sha256,
    pixel: spaceProfile(0.99),
  });
  await createProfileStore(redis).keep(other);
  redis.disconnect();

  const { leading, loras, request } = await plan();
  expect(leading).toMatchObject({ order: [B, A], order_source: 'profile', high: [B], low: [A], halves_tau: 1 });
  expect(loras.map(({ frequency }: NamedReceipt) => frequency)).toEqual([
    { frequency_class: 'low', source: 'profile', score: measured?.pixel.score, profile: 'ready' },
    { frequency_class: 'high', source: 'profile', score: 0.99, profile: 'ready' },
  ]);
  expect(request.composition).toMatchObject({ order: [B, A] });
});

test('a profile outlives the service; a LoRA that is new is measured by itself, after everybody who waits', async () => {
  await service.close();
  await cp(join(GOLDEN_LORAS, `${C}.safetensors`), join(folder, 'loras', `${C}.safetensors`));
  await start('auto');

  expect(await statusOf(A)).toBe('ready');
  const progress = async () => (await describe_(C)).frequency_profile.progress?.done ?? 0;
  await until('it is being measured', async () => (await progress()) > 0);

  const answer = await postJson(
    `${service.httpUrl}/v1/generations`,
    { ...SMALL_REQUEST, loras: [{ id: A }, { id: C }], composition: { method: 'composite' } },
    { prefer: 'wait=30' },
  );
  expect(answer.status).toBe(201);
  const { result } = (await answer.json()) as { result: { loras: readonly NamedReceipt[] } };
  expect(result.loras.map(({ frequency }) => frequency?.profile)).toEqual(['ready', 'pending']);

  const before = await progress();
  await until('it goes on', async () => (await progress()) > before);
  expect(await statusOf(C)).toBe('pending');
});
