import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ResolvedRequest } from '../../src/contract/resolved-request.ts';
import type { Engine } from '../../src/engine/open-engine.ts';
import { generate } from '../../src/pipeline/generate.ts';
import { openGoldenEngine, picturesOf, resolveGolden } from '../support/golden-engine.ts';

/** A real engine and real graphs: who shares a call with whom changes no bit of anybody's picture, and nothing outlives a job. */

const FOUR = [
  { id: 'kohya-feedforward-r6', weight: 0.8, frequency_class: 'low' },
  { id: 'peft-full-metadata', weight: 0.7, frequency_class: 'high' },
  { id: 'kohya-attention-r4', weight: 1, frequency_class: 'high' },
  { id: 'legacy-cross-attention-r2', weight: -0.9, frequency_class: 'high' },
];

/** The smallest picture: its deepest feature map is one cell, where matrix products are another routine. */
const size = { width: 64, height: 64, steps: 6 };
const REQUESTS = {
  'the plain model': { ...size, prompt: 'a red fox', seed: 1 },
  'one LoRA': { ...size, prompt: 'a red fox', seed: 1, loras: FOUR.slice(1, 2) },
  'four LoRAs merged': { ...size, prompt: 'a grey wolf', seed: 2, loras: FOUR, composition: { method: 'merge' } },
  'four LoRAs by cmlora': {
    ...size,
    prompt: 'a red fox',
    seed: 3,
    loras: FOUR,
    composition: { method: 'cmlora', weights: { initial: 'n_minus_half' }, cut: { level: 0, layers: 3 } },
  },
  'two LoRAs by cmlora at the outer cut': {
    ...size,
    prompt: 'the sea',
    seed: 4,
    loras: FOUR.slice(0, 2),
    composition: { method: 'cmlora', preset: 'fast', refresh: { warm_up: 1 } },
  },
  'four LoRAs by cmlora with deltas from the plain model': {
    ...size,
    prompt: 'a red fox',
    seed: 6,
    loras: FOUR,
    composition: { method: 'cmlora', cache: 'delta', uncond: 'base', refresh: { warm_up: 1 } },
  },
  'three LoRAs by switch': {
    ...size,
    prompt: 'a boat',
    seed: 7,
    loras: FOUR.slice(1),
    composition: { method: 'switch', tau: 1 },
  },
  'two LoRAs by composite': {
    ...size,
    prompt: 'a boat',
    seed: 7,
    loras: FOUR.slice(1, 3),
    composition: { method: 'composite' },
  },
  'without guidance': { ...size, prompt: 'a tower', seed: 5, guidance_scale: 1, loras: FOUR.slice(2) },
};

let engine: Engine;
beforeAll(async () => {
  engine = await openGoldenEngine();
});
afterAll(() => engine.close());

async function pixelHashes(request: ResolvedRequest): Promise<readonly string[]> {
  const { images } = await picturesOf(engine, request);
  return images.map(({ pixels }) => createHash('sha256').update(pixels).digest('hex'));
}

describe('batching', () => {
  test.each([
    { width: 64, height: 64, steps: 6 },
    { width: 96, height: 128, steps: 4 },
  ])('a job alone and beside others gives the same pixels at $width x $height', async (size) => {
    const requests = await Promise.all(
      Object.values(REQUESTS).map((request) => resolveGolden(engine, { ...request, ...size })),
    );
    const alone: (readonly string[])[] = [];
    for (const request of requests) alone.push(await pixelHashes(request));

    const together = await Promise.all(requests.map(pixelHashes));

    expect(together).toEqual(alone);
    expect(new Set(alone.flat()).size).toBe(requests.length);
  });

  test('an image of several is the image of its seed', async () => {
    const request = await resolveGolden(engine, { ...REQUESTS['four LoRAs by cmlora'], n: 2 });

    const both = await pixelHashes(request);

    expect(both).toEqual([
      ...(await pixelHashes({ ...request, n: 1 })),
      ...(await pixelHashes({ ...request, n: 1, seed: request.seed + 1 })),
    ]);
  });

  test('the plain picture is the same before and after pictures with LoRAs', async () => {
    const plain = await resolveGolden(engine, REQUESTS['the plain model']);
    const before = await pixelHashes(plain);

    await pixelHashes(await resolveGolden(engine, REQUESTS['four LoRAs merged']));

    expect(await pixelHashes(plain)).toEqual(before);
  });
});

describe('what a job leaves behind', () => {
  const nothing = { leasedAdapters: 0, features: 0 };

  test('is nothing once it is done', async () => {
    for (const name of ['four LoRAs by cmlora', 'four LoRAs by cmlora with deltas from the plain model'] as const) {
      const { done } = await picturesOf(engine, await resolveGolden(engine, REQUESTS[name]));

      expect(done.passes.reuse).toBeGreaterThan(0);
      expect(engine.usage()).toMatchObject(nothing);
    }
  });

  test('is nothing when it is cancelled in the middle', async () => {
    const request = await resolveGolden(engine, REQUESTS['four LoRAs by cmlora']);
    const abort = new AbortController();
    let lastStep = 0;

    const run = async (): Promise<void> => {
      for await (const event of generate(request, engine.model, engine, abort.signal, () => 0)) {
        if (event.type !== 'step') continue;
        lastStep = event.step;
        if (event.step === 3) {
          expect(engine.usage()).toMatchObject({ leasedAdapters: 4, features: 4 });
          abort.abort(new Error('cancelled by the test'));
        }
      }
    };

    await expect(run()).rejects.toThrow('cancelled by the test');
    expect(lastStep).toBe(3);
    expect(engine.usage()).toMatchObject(nothing);
  });

  test('is nothing when its reader stops listening', async () => {
    const request = await resolveGolden(engine, REQUESTS['four LoRAs by cmlora']);

    for await (const event of generate(request, engine.model, engine, new AbortController().signal, () => 0)) {
      if (event.type === 'step') break;
    }

    expect(engine.usage()).toMatchObject(nothing);
  });
});
