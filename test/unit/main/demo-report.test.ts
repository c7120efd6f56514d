import { expect, test } from 'vitest';
import type { GenerationResult } from '../../../src/contract/generation-result.ts';
import { jsonLine, report } from '../../../src/main/demo-report.ts';

const lora = (id: string) => ({
  id,
  sha256: `sha of ${id}`,
  weight: { unet: 1, text_encoder: 1 },
  frequency_class: id === 'ink' ? ('high' as const) : ('low' as const),
  frequency_class_assumed: false,
});

const receipt = (id: string) => ({
  id,
  format: 'kohya' as const,
  sha256: `sha of ${id}`,
  matched: { unet: ['a', 'b'], text_encoder: ['c'] },
  unmatched: id === 'ink' ? [] : [{ key: 'k', reason: 'r' }],
  ranks: [4, 8],
  alphas: [2],
});

const evaluation = (index: number, leader: string, full: readonly string[], reuse: readonly string[]) => ({
  evaluation: index,
  step: index,
  timestep: 999 - index,
  leader,
  weights: [],
  full,
  reuse,
});

const RESULT: GenerationResult = {
  images: [
    {
      index: 0,
      seed: 1,
      width: 64,
      height: 96,
      content_type: 'image/png',
      bytes: 9,
      sha256: 'aa',
      pixels_sha256: 'bb',
    },
  ],
  request: {
    model: 'm',
    model_sha256: 'mm',
    prompt: 'p',
    negative_prompt: '',
    width: 64,
    height: 96,
    steps: 3,
    guidance_scale: 5,
    guidance_rescale: 0,
    sampler: 'ddim',
    seed: 1,
    n: 1,
    loras: [lora('ink'), lora('dusk')],
    composition: { method: 'merge', scale: 1, text_encoder: 'all' },
    output: { format: 'png' },
  },
  loras: [receipt('ink'), receipt('dusk')],
  plan: [
    evaluation(0, 'ink', ['ink', 'dusk'], []),
    evaluation(1, 'ink', [], ['ink', 'dusk']),
    evaluation(2, 'dusk', ['dusk'], ['ink']),
  ],
  passes: { full: 6, reuse: 6 },
  timings: { queued_ms: 1, load_loras_ms: 2, encode_text_ms: 3, denoise_ms: 1234.5, decode_ms: 5, encode_image_ms: 6 },
  model: { id: 'm', sha256: 'mm' },
  device: 'cpu',
  version: '0.1.0',
  warnings: ['the prompt was cut off'],
};

test('the report has each LoRA, who leads when, the cost and the time', () => {
  expect(report(RESULT).split('\n')).toEqual([
    '',
    'LoRAs',
    '  ink   kohya  2 layers of the U-Net, 1 of the text encoder  every key matched  rank 4, 8  alpha 2',
    '  dusk  kohya  2 layers of the U-Net, 1 of the text encoder  1 keys unmatched   rank 4, 8  alpha 2',
    '',
    'Plan, one column for each step: # leads, o leads from its cache, + whole pass, . from its cache',
    '  ink   high  #o.',
    '  dusk  low   +.#',
    '  U-Net rows on cpu: 6 whole and 6 from a cache (50 % of 12)',
    '',
    'Time',
    '  waiting                 1 ms',
    '  reading the LoRAs       2 ms',
    '  text encoder            3 ms',
    '  denoising            1235 ms',
    '  VAE decoder             5 ms',
    '  writing the PNG         6 ms',
    'Note: the prompt was cut off',
  ]);
});

test('the JSON line is one line with the hashes, the size, the receipts and the passes', () => {
  const line = jsonLine({ result: RESULT, path: '/somewhere/demo.png', seconds: 1.23456 });
  expect(line).not.toContain('\n');
  expect(JSON.parse(line)).toEqual({
    image: '/somewhere/demo.png',
    sha256: 'aa',
    pixels_sha256: 'bb',
    width: 64,
    height: 96,
    seconds: 1.235,
    loras: [
      { id: 'ink', format: 'kohya', sha256: 'sha of ink', matched: 3, unmatched: 0, ranks: [4, 8], alphas: [2] },
      { id: 'dusk', format: 'kohya', sha256: 'sha of dusk', matched: 3, unmatched: 1, ranks: [4, 8], alphas: [2] },
    ],
    passes: { full: 6, reuse: 6 },
  });
});
