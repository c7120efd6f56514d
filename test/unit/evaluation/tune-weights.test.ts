import { expect, test } from 'vitest';
import type { PipelineEvent } from '../../../src/contract/pipeline-event.ts';
import type { ResolvedRequest } from '../../../src/contract/resolved-request.ts';
import { type Try, type Tuned, type TuningCase, tuneLorahub, tuneMerge } from '../../../src/evaluation/tune-weights.ts';
import { ACCEPTED_JOB } from '../../support/accepted-job.ts';

const REQUEST: ResolvedRequest = {
  ...ACCEPTED_JOB.request,
  loras: ['fox', 'ink'].map((id) => ({
    id,
    sha256: id.padEnd(64, '0'),
    weight: { unet: 1, text_encoder: 1 },
    frequency_class: 'high',
    frequency_class_assumed: false,
  })),
};

/** "Draws" pictures of one pixel that hold the weights, and writes down what was asked for. */
function easel() {
  const asked: ResolvedRequest[] = [];
  async function* draw(request: ResolvedRequest): AsyncGenerator<PipelineEvent> {
    asked.push(request);
    for (let image = 0; image < request.n; image++) {
      yield { type: 'image', image, seed: request.seed + image, width: 1, height: 1, pixels: pixelsOf(request) };
    }
  }
  return { asked, draw };
}

function pixelsOf({ composition }: ResolvedRequest): Uint8Array {
  const weights =
    composition.method === 'lorahub'
      ? composition.weights.map(({ weight }) => weight)
      : [composition.method === 'merge' ? composition.scale : 0];
  return Uint8Array.from(weights.map((weight) => Math.round(100 + 50 * weight)));
}

/** Most where the bytes are these. */
const nearTo =
  (...wanted: readonly number[]): TuningCase['score'] =>
  async ({ pixels }) =>
    -wanted.reduce((sum, byte, index) => sum + Math.abs(byte - (pixels[index] ?? 0)), 0);

async function finished(search: AsyncGenerator<Try, Tuned, void>): Promise<Tuned> {
  let next = await search.next();
  while (!next.done) next = await search.next();
  return next.value;
}

test('lorahub starts at 1 / N and finds the weights that score best', async () => {
  const { asked, draw } = easel();
  const tuned = { id: 'fox+ink', request: REQUEST, score: nearTo(150, 80) };
  const { composition, best, tries } = await finished(tuneLorahub(tuned, { pictures: 2, seed: 5, draw, tries: 120 }));

  expect(tries).toHaveLength(120);
  expect(tries[0]?.point).toEqual([0.5, 0.5]);
  expect(composition).toMatchObject({ method: 'lorahub', text_encoder: 'all' });
  const [fox, ink] = composition.method === 'lorahub' ? composition.weights : [];
  expect([fox?.id, ink?.id]).toEqual(['fox', 'ink']);
  expect(fox?.weight).toBeCloseTo(1, 1);
  expect(ink?.weight).toBeCloseTo(-0.4, 1);
  expect(best.loss).toBe(Math.min(...tries.map(({ loss }) => loss)));
  expect(new Set(asked.map(({ seed, n }) => `${seed} ${n}`))).toEqual(new Set(['5 2']));
});

test('of weights that score alike the small ones win', async () => {
  const { draw } = easel();
  const indifferent = { id: 'x', request: REQUEST, score: async () => 7 };
  const { best, tries } = await finished(tuneLorahub(indifferent, { pictures: 1, seed: 1, draw, tries: 200 }));
  expect(best.score).toBeCloseTo(7, 12);
  expect(tries[0]?.loss).toBeCloseTo(0.05 * 0.5 - 7, 12);
  expect(best.point.every((weight) => Math.abs(weight) < 0.1)).toBe(true);
});

test('merge has one scale for all requests: the one that is best on average', async () => {
  const { asked, draw } = easel();
  const cases = [
    { id: 'a', request: REQUEST, score: nearTo(130) },
    { id: 'b', request: { ...REQUEST, prompt: 'b' }, score: nearTo(145) },
  ];
  const { composition, tries } = await finished(tuneMerge(cases, { pictures: 1, seed: 1, draw }));
  expect(tries.map(({ point }) => point[0])).toEqual([0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]);
  // Anywhere from 0.6 to 0.9 the sum of distances is the same; the first is kept.
  expect(composition).toEqual({ method: 'merge', scale: 0.6, text_encoder: 'all' });
  expect(asked).toHaveLength(2 * 7);
});
