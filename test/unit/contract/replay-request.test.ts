import { expect, test } from 'vitest';
import { replayRequest } from '../../../src/contract/replay-request.ts';
import type { ResolvedRequest } from '../../../src/contract/resolved-request.ts';
import { METHOD_NAMES } from '../../../src/core/composition/options.ts';
import { InputError } from '../../../src/core/problem.ts';
import { type LoraCatalog, resolveRequest } from '../../../src/pipeline/resolve-request.ts';
import { descriptor } from '../../support/model-descriptor.ts';

const catalog: LoraCatalog = {
  inspect: async (name) => ({
    format: 'kohya',
    sha256: name.padEnd(64, '0'),
    matched: { unet: ['x'], text_encoder: [] },
    unmatched: [],
    ranks: [4],
    alphas: [4],
  }),
};

/** As resolved, but for who stated the classes: the replayed request states them all. */
const resolve = async (request: Parameters<typeof resolveRequest>[0]) => {
  const resolved = await resolveRequest(request, descriptor, catalog, () => 4711);
  return {
    ...resolved.request,
    loras: resolved.request.loras.map((lora) => ({ ...lora, frequency_class_assumed: false })),
  };
};

test.each(METHOD_NAMES)('a request by %s becomes the same again', async (method) => {
  const loras = ['b', 'a', 'c'].map((id, index) => ({ id, weight: { unet: 0.5, text_encoder: index } }));
  const output = { format: 'webp', quality: 70 } as const;
  const once = await resolve({ prompt: 'a fox', loras, composition: { method }, n: 2, output });

  expect(await resolve(replayRequest(once))).toEqual(once);
});

test('a request with no LoRA becomes the same again', async () => {
  const once = await resolve({ prompt: 'a fox', seed: 0, guidance_scale: 0 });

  expect(await resolve(replayRequest(once))).toEqual(once);
});

test('what a stranger wrote into a recipe is checked like every request', async () => {
  const once = await resolve({ prompt: 'a fox' });
  const foreign = { ...once, steps: 1e9, evil: true } as ResolvedRequest;

  expect(() => replayRequest(foreign)).toThrow(InputError);
  expect(() => replayRequest(foreign)).toThrow(/steps is 1000000000.*evil is not a field|evil.*steps/);
  expect(() => replayRequest({} as ResolvedRequest)).toThrow('loras is missing');
});
