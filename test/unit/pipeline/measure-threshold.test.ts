import { expect, test } from 'vitest';
import type { ModelDescriptor } from '../../../src/contract/model-descriptor.ts';
import { highBandOfLatent } from '../../../src/core/frequency/high-band.ts';
import { measureBaseMedian } from '../../../src/pipeline/measure-threshold.ts';
import type { EnginePorts, UnetRow } from '../../../src/pipeline/ports.ts';
import { descriptor } from '../../support/model-descriptor.ts';

const MODEL: ModelDescriptor = { ...descriptor, latentScale: 1 };
const QUERY = { width: 12, height: 16, guidanceScale: 5, timestep: 400 };
const never = new AbortController().signal;

/** A model whose noise is a part of what it sees, so that its latents stay as fine as the noise they came from. */
function fakePorts() {
  const calls: (readonly UnetRow[])[] = [];
  const ports: Pick<EnginePorts, 'tokenize' | 'encodeText' | 'predict'> = {
    tokenize: (text) => ({ ids: [text.length], truncated: false }),
    encodeText: async (rows) => rows.map(({ ids }) => ({ data: Float32Array.from(ids), dims: [1, 1, 1] })),
    async predict(rows) {
      calls.push(rows);
      return rows.map(({ latent, text }) => ({
        dims: latent.dims,
        // Another part for another prompt, and one that is not the same everywhere.
        data: latent.data.map((value, index) => value * (0.5 + (text.data[0] ?? 0) / 1000) + (index % 5) / 10),
      }));
    },
  };
  return { calls, ports };
}

test('the median is that of eight pictures of the plain model, each between the two timesteps around the one asked for', async () => {
  const { calls, ports } = fakePorts();
  const found = await measureBaseMedian(QUERY, MODEL, ports, never);

  const rows = calls.flatMap(([row]) => row ?? []);
  expect(calls.flat().every(({ adapters }) => adapters.length === 0)).toBe(true);
  expect(rows[0]?.latent.dims).toEqual([1, MODEL.latentChannels, 16, 12]);
  const starts = rows.flatMap(({ timestep }, index) => (timestep === rows[0]?.timestep ? [index] : []));
  expect(starts).toHaveLength(8);
  const bands = starts.map((start, picture) => {
    const looks = rows.slice(start, starts[picture + 1]);
    const [before, after] = looks.slice(-2);
    if (before === undefined || after === undefined) throw new Error('there are two looks at least');
    // What lies beyond the timestep is not drawn.
    expect(before.timestep).toBeGreaterThan(400);
    expect(after.timestep).toBeLessThanOrEqual(400);
    const share = (before.timestep - 400) / (before.timestep - after.timestep);
    const [one, other] = [before, after].map(({ latent }) => highBandOfLatent(latent, 'raw')) as [number, number];
    return one + share * (other - one);
  });
  const sorted = bands.toSorted((one, other) => one - other);
  expect(found).toBeCloseTo(((sorted[3] ?? 0) + (sorted[4] ?? 0)) / 2, 12);
  expect(new Set(bands).size).toBe(8);
});

test('the same query gives the same number', async () => {
  const measure = () => measureBaseMedian(QUERY, MODEL, fakePorts().ports, never);
  expect(await measure()).toBe(await measure());
});

test('a timestep beyond either end is that of the end', async () => {
  const at = (timestep: number) => measureBaseMedian({ ...QUERY, timestep }, MODEL, fakePorts().ports, never);
  expect(await at(1000)).toBeGreaterThan(0);
  expect(await at(0)).toBeGreaterThan(0);
  expect(await at(1000)).not.toBe(await at(0));
});

test('an abort ends it within one evaluation', async () => {
  const { calls, ports } = fakePorts();
  const abort = new AbortController();
  const predict: EnginePorts['predict'] = (rows, signal) => {
    abort.abort(new Error('enough'));
    return ports.predict(rows, signal);
  };
  await expect(measureBaseMedian(QUERY, MODEL, { ...ports, predict }, abort.signal)).rejects.toThrow('enough');
  expect(calls).toHaveLength(1);
});
