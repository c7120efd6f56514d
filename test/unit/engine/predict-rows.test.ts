import { expect, test } from 'vitest';
import type { CacheUse } from '../../../src/core/composition/method.ts';
import type { Batcher } from '../../../src/engine/batcher.ts';
import { createFeatureCache } from '../../../src/engine/feature-cache.ts';
import { createPredict } from '../../../src/engine/predict-rows.ts';
import type { UnetOutput, UnetTask } from '../../../src/engine/unet.ts';
import type { UnetRow } from '../../../src/pipeline/ports.ts';

const CUT = { level: 0, layers: 1 };
const never = new AbortController().signal;
const scalar = (value: number) => ({ data: Float32Array.of(value), dims: [1] });

/** A row that predicts its latent, and whose feature is ten times that. */
function row(latent: number, cache?: Omit<CacheUse, 'cut'>): UnetRow {
  const rest = { timestep: 1, text: scalar(0), adapters: [] };
  return { latent: scalar(latent), ...rest, ...(cache && { cache: { ...cache, cut: CUT } }) };
}

function engine() {
  const calls: (readonly UnetTask[])[] = [];
  const unet: Batcher<UnetTask, UnetOutput> = {
    async submit(tasks) {
      if (tasks.length > 0) calls.push(tasks);
      return tasks.map((task) => {
        const [latent = Number.NaN] = task.row.latent.data;
        return {
          prediction: task.row.latent,
          feature: task.kind === 'full' && task.keep ? scalar(10 * latent) : null,
        };
      });
    },
  };
  const features = createFeatureCache(1000);
  return { calls, features, predict: createPredict(unet, features) };
}

test('rows that wait for nobody run in one call, and each gets its own prediction', async () => {
  const { calls, predict } = engine();
  await predict([row(1, { mode: 'refresh', key: 'a' })], never);

  const predictions = await predict(
    [row(2), row(3, { mode: 'reuse', key: 'a' }), row(4, { mode: 'refresh', key: 'b' })],
    never,
  );

  expect(predictions.map(({ data }) => data[0])).toEqual([2, 3, 4]);
  expect(calls.map((tasks) => tasks.map(({ kind }) => kind))).toEqual([['full'], ['full', 'reuse', 'full']]);
  expect(calls[1]?.[1]).toMatchObject({ kind: 'reuse', cut: CUT, feature: scalar(10) });
});

test('what is kept relative to an origin is the difference from it', async () => {
  const { features, predict } = engine();

  await predict(
    [row(1, { mode: 'refresh', key: 'base' }), row(4, { mode: 'refresh', key: 'a', relativeTo: 'base' })],
    never,
  );

  expect(features.get('base')).toEqual(scalar(10));
  expect(features.get('a')).toEqual(scalar(30));
});

test('a reuse relative to an origin starts from the origin of now, whatever the order of calls', async () => {
  const { calls, features, predict } = engine();
  const base = (latent: number) => row(latent, { mode: 'refresh', key: 'base' });
  await predict([base(1), row(4, { mode: 'refresh', key: 'a', relativeTo: 'base' })], never);

  const predictions = await predict([base(7), row(8, { mode: 'reuse', key: 'a', relativeTo: 'base' }), row(9)], never);

  expect(predictions.map(({ data }) => data[0])).toEqual([7, 8, 9]);
  expect(calls.slice(1).map((tasks) => tasks.length)).toEqual([2, 1]);
  expect(calls[2]?.[0]).toMatchObject({ kind: 'reuse', feature: scalar(70 + 30) });
  // A reuse leaves what is kept as it is.
  expect(features.get('a')).toEqual(scalar(30));
});

test('what has a trend starts from where its last two features were heading', async () => {
  const { calls, features, predict } = engine();
  await predict([row(1, { mode: 'refresh', key: 'a', trend: 0 })], never);
  await predict([row(9, { mode: 'reuse', key: 'a', trend: 0 })], never);
  await predict([row(3, { mode: 'refresh', key: 'a', trend: 0 })], never);
  await predict([row(9, { mode: 'reuse', key: 'a', trend: 0.5 })], never);

  expect(calls[1]?.[0]).toMatchObject({ feature: scalar(10) });
  // 30, and half of what it was above 10.
  expect(calls[3]?.[0]).toMatchObject({ feature: scalar(40) });
  expect(features.count()).toBe(2);
});

test('without a trend the feature before is not kept', async () => {
  const { features, predict } = engine();
  await predict([row(1, { mode: 'refresh', key: 'a' })], never);
  await predict([row(3, { mode: 'refresh', key: 'a' })], never);
  expect(features.count()).toBe(1);
});
