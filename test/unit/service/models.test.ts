import { expect, test } from 'vitest';
import type { ModelDescriptor } from '../../../src/contract/model-descriptor.ts';
import type { WorkerReport } from '../../../src/contract/worker-report.ts';
import { createModels } from '../../../src/service/models.ts';
import type { WorkerRegistry } from '../../../src/store/worker-registry.ts';

const describe = (id: string) => ({ id }) as ModelDescriptor;
const ready = (model: string): WorkerReport => ({
  worker: `w-${model}`,
  model,
  device: 'cpu',
  state: 'ready',
  descriptor: describe(model),
});
const loading = (model: string, descriptor: ModelDescriptor | null): WorkerReport => ({
  worker: `w-${model}`,
  model,
  device: 'cpu',
  state: 'loading',
  part: 'U-Net',
  done: 1,
  total: 4,
  descriptor,
});

function modelsOf(reports: readonly WorkerReport[], clock = { now: 0 }, known: readonly string[] = []) {
  let reads = 0;
  const registry = {
    list: async () => {
      reads++;
      return reports;
    },
    isKnownModel: async (model: string) => model === 'known',
    knownModels: async () => known.map(describe),
  } as unknown as WorkerRegistry;
  return { models: createModels(registry, () => clock.now), reads: () => reads };
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'found',
    (error) => error.code ?? error.problems[0].code,
  );

test('several workers of one model are one model', async () => {
  const { models } = modelsOf([ready('b'), ready('a'), ready('b')]);
  expect((await models.list()).map(({ id }) => id)).toEqual(['a', 'b']);
});

test('without a name it is the only model, or a question', async () => {
  expect((await modelsOf([ready('a')]).models.find(undefined)).id).toBe('a');
  expect(await codeOf(modelsOf([]).models.find(undefined))).toBe('no_worker');
  expect(await codeOf(modelsOf([ready('a'), ready('b')]).models.find(undefined))).toBe('invalid_request');
});

test('a model that nobody ever had is unknown; one whose workers are away has no worker', async () => {
  const { models } = modelsOf([ready('a')]);
  expect(await codeOf(models.find('a'))).toBe('found');
  expect(await codeOf(models.find('known'))).toBe('no_worker');
  expect(await codeOf(models.find('x'))).toBe('model_not_found');
});

test('a model whose workers are away is still described, but nobody takes its jobs', async () => {
  const { models } = modelsOf([], { now: 0 }, ['a']);
  expect((await models.find('a')).id).toBe('a');
  expect((await models.find(undefined)).id).toBe('a');
  expect(await models.list()).toEqual([]);
  expect(await codeOf(models.expectWorker('a'))).toBe('no_worker');
});

test('without a name a model that is served comes before one that was', async () => {
  const { models } = modelsOf([ready('b')], { now: 0 }, ['a', 'b']);
  expect((await models.find(undefined)).id).toBe('b');
  expect(await codeOf(models.expectWorker('b'))).toBe('found');
  expect(await codeOf(modelsOf([], { now: 0 }, ['a', 'b']).models.find(undefined))).toBe('invalid_request');
});

test('an engine that loads for the first time takes no jobs; one that starts again does', async () => {
  expect(await codeOf(modelsOf([loading('known', null)]).models.find('known'))).toBe('no_worker');
  expect(await codeOf(modelsOf([loading('known', describe('known'))]).models.find('known'))).toBe('found');
});

test('the workers are asked once for all requests of a moment, and again later', async () => {
  const clock = { now: 0 };
  const { models, reads } = modelsOf([ready('a')], clock);
  await Promise.all([models.list(), models.list()]);
  clock.now = 500;
  await models.list();
  expect(reads()).toBe(1);
  clock.now = 1500;
  await models.list();
  expect(reads()).toBe(2);
});

test('that there is no worker is never remembered', async () => {
  const { models, reads } = modelsOf([]);
  await models.list();
  await models.list();
  expect(reads()).toBe(2);
});
