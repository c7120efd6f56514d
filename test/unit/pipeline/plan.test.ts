import { expect, test } from 'vitest';
import type { GenerationRequest } from '../../../src/contract/generation-request.ts';
import { planOf } from '../../../src/pipeline/plan.ts';
import { resolveRequest } from '../../../src/pipeline/resolve-request.ts';
import { descriptor } from '../../support/model-descriptor.ts';

const catalog = {
  inspect: async (id: string) => ({
    format: 'kohya' as const,
    sha256: id.padEnd(64, '0'),
    matched: { unet: ['x'], text_encoder: [] },
    unmatched: [],
    ranks: [4],
    alphas: [4],
  }),
};

async function planFor(request: Partial<GenerationRequest>) {
  const resolved = await resolveRequest({ prompt: 'a fox', ...request }, descriptor, catalog, () => 0);
  return planOf(resolved.request, descriptor);
}

const FOUR = ['a', 'b', 'c', 'd'].map((id) => ({ id }));

test('a plan has one entry for each evaluation of an image', async () => {
  const { evaluations } = await planFor({ loras: FOUR, steps: 7, n: 3 });
  expect(evaluations.map(({ evaluation }) => evaluation)).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

test.each([
  ['merge runs one pass for each guidance half', { composition: { method: 'merge' } }, { full: 40, reuse: 0 }],
  ['no guidance, half the passes', { composition: { method: 'merge' }, guidance_scale: 1 }, { full: 20, reuse: 0 }],
  ['cmlora with no cache runs every LoRA', { composition: { method: 'cmlora', cut: 'none' } }, { full: 160, reuse: 0 }],
  [
    'leaders alone run in full after the first evaluation',
    { composition: { method: 'cmlora', refresh: { policy: 'leader', max_age: 20, warm_up: 0 } } },
    { full: 2 * (4 + 19), reuse: 2 * 3 * 19 },
  ],
] as const)('%s', async (_, request, passes) => {
  expect((await planFor({ loras: FOUR, ...request })).passes).toEqual(passes);
});

test('passes are counted over all images', async () => {
  const one = (await planFor({ loras: FOUR })).passes;
  const three = (await planFor({ loras: FOUR, n: 3 })).passes;
  expect(three).toEqual({ full: 3 * one.full, reuse: 3 * one.reuse });
  expect(one.full + one.reuse).toBe(20 * 4 * 2);
});
