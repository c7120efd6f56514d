import { expect, test } from 'vitest';
import { describeAsJson, describeForReader, type FinishedPicture } from '../../../src/cli/report.ts';
import type { ResolvedRequest } from '../../../src/contract/resolved-request.ts';
import type { EvaluationPlan } from '../../../src/core/composition/method.ts';

const evaluation = (index: number, leader: string | null, full: readonly string[]): EvaluationPlan => ({
  evaluation: index,
  step: index,
  timestep: 900 - index,
  leader,
  weights: [],
  full,
  reuse: [],
});

const PICTURE: FinishedPicture = {
  out: 'out/fox.png',
  png: { sha256: 'aa', pixels_sha256: 'bb' },
  image: { width: 64, height: 96, seed: 5 },
  request: { composition: { method: 'cmlora' } } as ResolvedRequest,
  receipts: [
    {
      id: 'style',
      format: 'kohya',
      sha256: 'cc',
      matched: { unet: ['x', 'y'], text_encoder: [] },
      unmatched: [{ key: 'k', reason: 'r' }],
      ranks: [4, 8],
      alphas: [4],
    },
  ],
  warnings: ['something to know'],
  plan: [evaluation(0, 'a', ['a', 'b']), evaluation(1, 'a', ['a']), evaluation(2, 'b', ['b'])],
  passes: { full: 8, reuse: 4 },
  timings: {
    load_model_ms: 2000,
    load_loras_ms: 1234,
    encode_text_ms: 6,
    denoise_ms: 60_000,
    decode_ms: 0,
    encode_image_ms: 49,
  },
  seconds: 61.28,
};

test('a person reads what each LoRA did, who led when, what took the time, and where the file is', () => {
  expect(describeForReader(PICTURE)).toEqual([
    'note: something to know',
    'LoRA style: kohya, rank 4, 8, alpha 4; 2 U-Net and 0 text encoder layers, keys without effect: 1',
    'plan: cmlora, 3 evaluations, 8 full and 4 reuse rows',
    '  leaders: a 0-1, b 2',
    '  LoRAs in full at each evaluation: 2 1 1',
    'time: model 2.00 s, LoRAs 1.23 s, text 0.01 s, denoise 60.00 s, decode 0.00 s, PNG 0.05 s',
    'out/fox.png: 64x96, seed 5, 61.3 s, sha256 aa',
  ]);
});

test('a plan without leaders and caches is one line', () => {
  const plain = { ...PICTURE, plan: [evaluation(0, null, ['a'])], passes: { full: 2, reuse: 0 } };

  const lines = describeForReader(plain);

  expect(lines.filter((line) => /^plan| {2}/.test(line))).toEqual([
    'plan: cmlora, 1 evaluations, 2 full and 0 reuse rows',
  ]);
});

test('a program reads one line of JSON', () => {
  const line = describeAsJson(PICTURE);

  expect(line).not.toContain('\n');
  expect(JSON.parse(line)).toEqual({
    image: 'out/fox.png',
    sha256: 'aa',
    pixels_sha256: 'bb',
    width: 64,
    height: 96,
    seconds: 61.28,
    loras: [
      {
        id: 'style',
        sha256: 'cc',
        format: 'kohya',
        ranks: [4, 8],
        alphas: [4],
        matched: { unet: 2, text_encoder: 0 },
        unmatched: ['k'],
      },
    ],
    passes: { full: 8, reuse: 4 },
  });
});
