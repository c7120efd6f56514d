import { describe, expect, test } from 'vitest';
import type { GenerationRequest } from '../../../src/contract/generation-request.ts';
import type { LoraReceipt } from '../../../src/core/lora/receipt.ts';
import { InputError } from '../../../src/core/problem.ts';
import { type LoraCatalog, resolveRequest } from '../../../src/pipeline/resolve-request.ts';
import { spaceProfile } from '../../support/lora-profile.ts';
import { descriptor } from '../../support/model-descriptor.ts';

function receiptOf(sha256: string, unmatched: LoraReceipt['unmatched'] = []): LoraReceipt {
  return { format: 'kohya', sha256, matched: { unet: ['x'], text_encoder: [] }, unmatched, ranks: [4], alphas: [4] };
}

const CONVOLUTION = { key: 'conv', reason: 'a convolution; LoRAs act on linear layers here' };
const INK = 'a'.repeat(64);

const catalog: LoraCatalog = {
  async inspect(name) {
    if (name === 'bad') {
      const message = 'bad.safetensors was made for another base model';
      throw new InputError([{ code: 'lora_wrong_base', subject: 'bad.safetensors', message }]);
    }
    const receipts: Readonly<Record<string, LoraReceipt>> = {
      ink: receiptOf(INK),
      [INK]: receiptOf(INK),
      fox: receiptOf('b'.repeat(64)),
      locon: receiptOf('c'.repeat(64), [CONVOLUTION, CONVOLUTION]),
    };
    return receipts[name];
  },
};

function resolve(request: Partial<GenerationRequest>) {
  return resolveRequest({ prompt: 'a fox', ...request }, descriptor, catalog, () => 4711);
}

async function problemsOf(request: Partial<GenerationRequest>) {
  const error: unknown = await resolve(request).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(InputError);
  return (error as InputError).problems;
}

test('nothing is left implicit', async () => {
  expect(await resolve({})).toEqual({
    request: {
      model: 'tiny',
      model_sha256: descriptor.sha256,
      prompt: 'a fox',
      negative_prompt: '',
      width: 128,
      height: 192,
      steps: 20,
      guidance_scale: 7.5,
      guidance_rescale: 0,
      sampler: 'ddim',
      seed: 4711,
      n: 1,
      loras: [],
      composition: { method: 'merge', scale: 1, text_encoder: 'all' },
      output: { format: 'png' },
    },
    loras: [],
    ranking: { split: null, halvesTau: null, orderSource: 'classes' },
    warnings: [],
  });
});

test('an explicit 0 stays 0', async () => {
  const { request } = await resolve({ seed: 0, guidance_scale: 0, loras: [{ id: 'ink', weight: 0 }] });
  expect(request).toMatchObject({ seed: 0, guidance_scale: 0, loras: [{ weight: { unet: 0, text_encoder: 0 } }] });
});

test('a LoRA is resolved to its file, its weights and its class', async () => {
  const { request, loras } = await resolve({
    loras: [{ id: 'fox', weight: { unet: 0.5, text_encoder: 0 }, frequency_class: 'low' }, { sha256: INK }],
  });
  expect(request.loras).toEqual([
    {
      id: 'fox',
      sha256: 'b'.repeat(64),
      weight: { unet: 0.5, text_encoder: 0 },
      frequency_class: 'low',
      frequency_class_assumed: false,
    },
    {
      id: INK,
      sha256: INK,
      weight: { unet: 1, text_encoder: 1 },
      frequency_class: 'high',
      frequency_class_assumed: true,
    },
  ]);
  expect(loras.map(({ id, receipt }) => [id, receipt.sha256])).toEqual([
    ['fox', 'b'.repeat(64)],
    [INK, INK],
  ]);
});

test('an assumed class is told where it matters', async () => {
  const loras = [{ id: 'ink' }, { id: 'fox', frequency_class: 'low' as const }];
  expect((await resolve({ loras })).warnings).toEqual(['LoRA "ink" has no frequency class; it was assumed to be high']);
  expect((await resolve({ loras, composition: { method: 'merge' } })).warnings).toEqual([]);
});

describe('profiles', () => {
  const scores: Readonly<Record<string, number>> = { [INK]: 0.8, ['b'.repeat(64)]: 0.2, ['c'.repeat(64)]: 0.9 };
  const measured: LoraCatalog = {
    ...catalog,
    frequencies: async (loras) =>
      loras.map(({ sha256 }) => ({ status: 'ready', profile: { pixel: spaceProfile(scores[sha256] ?? 0) } })),
  };
  const three = [{ id: 'ink' }, { id: 'fox' }, { id: 'locon' }];
  const resolveMeasured = (request: Partial<GenerationRequest>) =>
    resolveRequest({ prompt: 'a fox', ...request }, descriptor, measured, () => 0);

  test('fill in the classes and the order that a request leaves open, and the answer says so', async () => {
    const { request, loras, ranking } = await resolveMeasured({ loras: three });

    expect(request.loras.map((lora) => [lora.frequency_class, lora.frequency_class_assumed])).toEqual([
      ['high', false],
      ['low', false],
      ['high', false],
    ]);
    expect(request.composition).toMatchObject({ order: ['locon', 'ink', 'fox'] });
    expect(loras.map(({ frequency }) => frequency?.source)).toEqual(['profile', 'profile', 'profile']);
    expect(ranking).toMatchObject({ orderSource: 'profile', halvesTau: 1 });
  });

  test.each([
    ['low_first', ['fox', 'locon', 'ink']],
    ['interleaved', ['locon', 'fox', 'ink']],
  ] as const)('order the sets as %s leads them', async (direction, order) => {
    const composition = { method: 'cmlora', direction } as const;
    expect((await resolveMeasured({ loras: three, composition })).request.composition).toMatchObject({ order });
  });

  test('give way to what the request says', async () => {
    const composition = { method: 'cmlora' as const, order: ['fox', 'ink', 'locon'] };
    const loras = [{ id: 'ink', frequency_class: 'low' as const }, { id: 'fox' }, { id: 'locon' }];
    const { request, ranking } = await resolveMeasured({ loras, composition });

    expect(request.loras[0]?.frequency_class).toBe('low');
    expect(request.composition).toMatchObject({ order: composition.order });
    expect(ranking.orderSource).toBe('request');
  });
});

test('a LoRA that acts in part is told', async () => {
  expect((await resolve({ loras: [{ id: 'locon' }] })).warnings).toEqual([
    'LoRA "locon" acts in part: 2 of its keys have no effect here (a convolution; LoRAs act on linear layers here)',
  ]);
});

test('every problem is reported at once, under the field of the request', async () => {
  const problems = await problemsOf({
    width: 120,
    height: 136,
    seed: Number.MAX_SAFE_INTEGER,
    n: 2,
    loras: [{ id: 'ink' }, { id: 'gone' }, { id: 'bad' }, { sha256: INK }],
    composition: { method: 'cmlora', order: ['ink'] },
  });
  expect(problems.map(({ code, message }) => `${code}: ${message}`)).toEqual([
    'invalid_request: width is 120; must be a multiple of 16 with this checkpoint',
    'invalid_request: height is 136; must be a multiple of 16 with this checkpoint',
    'invalid_request: seed is 9007199254740991; must be at most 9007199254740990 for 2 images, since image i uses seed + i',
    'lora_not_found: loras[1].id is "gone"; there is no LoRA of this name',
    'lora_wrong_base: loras[2].id is "bad"; bad.safetensors was made for another base model',
    `invalid_request: loras[3].sha256 is "${INK}", which is the same file as "ink"; name each LoRA once`,
    `invalid_request: composition.order is ["ink"]; must name each of ["ink","gone","bad","${INK}"] once`,
  ]);
});

test('another model is not this one', async () => {
  await expect(resolve({ model: 'sdxl' })).rejects.toMatchObject({
    code: 'model_not_found',
    message: 'model is "sdxl"; served is "tiny"',
  });
  expect((await resolve({ model: 'tiny' })).request.model).toBe('tiny');
});

test('a catalog that fails is not the request’s fault', async () => {
  const broken = { inspect: () => Promise.reject(new Error('disk on fire')) };
  const request = { prompt: 'a fox', loras: [{ id: 'ink' }] };
  await expect(resolveRequest(request, descriptor, broken, () => 0)).rejects.toThrow('disk on fire');
});
