import { expect, test } from 'vitest';
import { planForReader } from '../../../src/cli/plan-report.ts';
import { describePlan } from '../../../src/pipeline/describe-plan.ts';
import { resolveRequest } from '../../../src/pipeline/resolve-request.ts';
import { descriptor } from '../../support/model-descriptor.ts';

const receipt = {
  format: 'kohya' as const,
  matched: { unet: ['x'], text_encoder: [] },
  unmatched: [],
  ranks: [4],
  alphas: [2],
};
const catalog = { inspect: async (id: string) => ({ ...receipt, sha256: id.repeat(64) }) };

test('a person reads who leads and why, each evaluation, and the cost', async () => {
  const request = {
    prompt: 'a fox',
    steps: 4,
    loras: [{ id: 'a', frequency_class: 'low' as const }, { id: 'b' }],
    composition: { method: 'cmlora' as const, weights: { initial: 'n_minus_half' as const }, refresh: { warm_up: 1 } },
  };
  const resolved = await resolveRequest(request, descriptor, catalog, () => 0);
  const lines = planForReader(describePlan(resolved, descriptor));

  expect(lines).toContain('note: LoRA "b" has no frequency class; it was assumed to be high');
  expect(lines).toContain('LoRA a: kohya, rank 4, alpha 2; 1 U-Net and 0 text encoder layers, every key matched');
  expect(lines).toContain('order: b, a');
  expect(lines).toContain('classes: a low (stated), b high (assumed)');
  expect(lines.find((line) => line.startsWith('evaluation 0'))).toMatch(
    /step 1, t \d+: leader b; weights a 0\.400, b 0\.600; full a b; reuse none; refreshed a b; cost 3\.00/,
  );
  expect(lines.at(-3)).toMatch(/^plan: cmlora, 4 evaluations, \d+ full and \d+ reuse rows$/);
  expect(lines.at(-2)).toMatch(
    /^cost: \d+\.\d\d full rows for a picture of 128x192, a reuse row is 0\.080 of a full one$/,
  );
});
