import { expect, test } from 'vitest';
import { createBaseMedian } from '../../../src/engine/base-median.ts';
import type { EnginePorts } from '../../../src/pipeline/ports.ts';
import { descriptor } from '../../support/model-descriptor.ts';

const QUERY = { width: 8, height: 8, guidanceScale: 1, timestep: 700 };
const never = new AbortController().signal;

function counted() {
  let looks = 0;
  const ports: Pick<EnginePorts, 'tokenize' | 'encodeText' | 'predict'> = {
    tokenize: () => ({ ids: [0], truncated: false }),
    encodeText: async (rows) => rows.map(() => ({ data: Float32Array.of(0), dims: [1, 1, 1] })),
    async predict(rows, signal) {
      signal.throwIfAborted();
      looks += 1;
      await new Promise((resolve) => setImmediate(resolve));
      return rows.map(({ latent }) => ({ ...latent, data: latent.data.map((value) => value / 2) }));
    },
  };
  return { median: createBaseMedian({ ...descriptor, latentScale: 1 }, ports), looks: () => looks };
}

test('is measured once for each query, also where several ask at once', async () => {
  const { median, looks } = counted();
  const [one, other] = await Promise.all([median(QUERY, never), median(QUERY, never)]);
  const once = looks();
  expect([other, await median(QUERY, never), looks()]).toEqual([one, one, once]);

  expect(await median({ ...QUERY, width: 12 }, never)).not.toBe(one);
  expect(looks()).toBeGreaterThan(once);
});

test('who cancels what it measures does not take it from who waits for it too', async () => {
  const { median } = counted();
  const expected = await counted().median(QUERY, never);
  const abort = new AbortController();
  const cancelled = median(QUERY, abort.signal);
  const waiting = median(QUERY, never);
  abort.abort(new Error('enough'));

  await expect(cancelled).rejects.toThrow('enough');
  expect(await waiting).toBe(expected);
});

test('who waits for what another measures can cancel by itself', async () => {
  const { median } = counted();
  const abort = new AbortController();
  const measured = median(QUERY, never);
  const waiting = median(QUERY, abort.signal);
  abort.abort(new Error('enough'));

  await expect(waiting).rejects.toThrow('enough');
  expect(await measured).toBeGreaterThan(0);
});
