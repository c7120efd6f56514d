import { expect, test } from 'vitest';
import { describePlan, describeReceipt, describeTimings } from '../../../src/cli/report.ts';
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
const request = { composition: { method: 'cmlora' } } as ResolvedRequest;

test('a plan says who leads when and how much runs in full', () => {
  const plan = [evaluation(0, 'a', ['a', 'b']), evaluation(1, 'a', ['a']), evaluation(2, 'b', ['b'])];

  expect(describePlan(request, plan, { full: 8, reuse: 4 })).toEqual([
    'plan: cmlora, 3 evaluations, 8 full and 4 reuse rows',
    '  leaders: a 0-1, b 2',
    '  LoRAs in full at each evaluation: 2 1 1',
  ]);
});

test('a plan without leaders and caches is one line', () => {
  expect(describePlan(request, [evaluation(0, null, ['a'])], { full: 2, reuse: 0 })).toHaveLength(1);
});

test('a receipt is one line, and says how many keys found no place', () => {
  const receipt = {
    id: 'style',
    format: 'kohya',
    sha256: 'aa',
    matched: { unet: ['x', 'y'], text_encoder: [] },
    unmatched: [{ key: 'k', reason: 'r' }],
    ranks: [4, 8],
    alphas: [4],
  } as const;

  expect(describeReceipt(receipt)).toBe(
    'LoRA style: kohya, rank 4, 8, alpha 4; 2 U-Net and 0 text encoder layers, 1 keys unmatched',
  );
});

test('times are in seconds', () => {
  const timings = { load_loras_ms: 1234, encode_text_ms: 5, denoise_ms: 60_000, decode_ms: 0, encode_image_ms: 49 };

  expect(describeTimings(timings)).toBe('time: LoRAs 1.23 s, text 0.01 s, denoise 60.00 s, decode 0.00 s, PNG 0.05 s');
});
