import { expect, test } from 'vitest';
import type { GenerationRequest } from '../../../src/contract/generation-request.ts';
import { describePlan } from '../../../src/pipeline/describe-plan.ts';
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
  return describePlan(resolved, descriptor);
}

const FOUR = ['a', 'b', 'c', 'd'].map((id) => ({ id }));

test('a plan has one entry for each evaluation of an image', async () => {
  const { plan } = await planFor({ loras: FOUR, steps: 7, n: 3 });
  expect(plan.map(({ evaluation }) => evaluation)).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

test.each([
  ['merge runs one pass for each guidance half', { composition: { method: 'merge' } }, { full: 40, reuse: 0 }],
  ['no guidance, half the passes', { composition: { method: 'merge' }, guidance_scale: 1 }, { full: 20, reuse: 0 }],
  [
    'cmlora with no cache runs every LoRA on the prompt, and the plain model guides',
    { composition: { method: 'cmlora', cut: 'none' } },
    { full: 20 * (4 + 1), reuse: 0 },
  ],
  [
    'or every LoRA on both guidance halves',
    { composition: { method: 'cmlora', cut: 'none', uncond: 'per_lora' } },
    { full: 20 * 4 * 2, reuse: 0 },
  ],
  ['one LoRA at a time costs what merge costs', { composition: { method: 'switch-a' } }, { full: 40, reuse: 0 }],
  ['so does one at a time by weights', { composition: { method: 'w-switch' } }, { full: 40, reuse: 0 }],
  ['lorahub is a merge', { composition: { method: 'lorahub' } }, { full: 40, reuse: 0 }],
  ['every LoRA at every evaluation', { composition: { method: 'w-composite' } }, { full: 160, reuse: 0 }],
  ['and the plain model with it', { composition: { method: 'delta-composite' } }, { full: 200, reuse: 0 }],
  [
    'on the prompt alone, where the plain model guides',
    { composition: { method: 'delta-composite', uncond: 'base' } },
    { full: 20 * (4 + 2), reuse: 0 },
  ],
  ['as by patches', { composition: { method: 'loratorio-like' } }, { full: 20 * (4 + 2), reuse: 0 }],
  [
    'leaders alone run in full after the first evaluation',
    { composition: { method: 'cmlora', refresh: { policy: 'leader', max_age: 20, warm_up: 0 } } },
    { full: 20 + 4 + 19, reuse: 3 * 19 },
  ],
] as const)('%s', async (_, request, passes) => {
  expect((await planFor({ loras: FOUR, ...request })).passes).toEqual(passes);
});

test('passes and cost are counted over all images', async () => {
  const one = await planFor({ loras: FOUR });
  const three = await planFor({ loras: FOUR, n: 3 });
  expect(three.passes).toEqual({ full: 3 * one.passes.full, reuse: 3 * one.passes.reuse });
  expect(three.cost.full_passes).toBeCloseTo(3 * one.cost.full_passes, 10);
  expect(one.passes.full + one.passes.reuse).toBe(20 * (4 + 1));
});

test('a reuse pass costs the share of its cut, a full one 1', async () => {
  const { passes, cost, plan } = await planFor({ loras: FOUR, composition: { method: 'cmlora', preset: 'fast' } });
  expect(passes.reuse).toBeGreaterThan(0);
  expect(cost).toMatchObject({ full_pass_macs: 100, reuse_share: 0.08 });
  expect(cost.full_passes).toBeCloseTo(passes.full + 0.08 * passes.reuse, 10);
  expect(plan[0]?.cost).toBe(4 + 1);
});

test('where nothing is reused there is no share', async () => {
  const { cost, passes } = await planFor({ loras: FOUR, composition: { method: 'merge' } });
  expect(cost).toEqual({ full_passes: passes.full, full_pass_macs: 100, reuse_share: null });
});

test('each evaluation says whose cache it computes anew', async () => {
  const composition = { method: 'cmlora', refresh: { policy: 'leader', max_age: 20, warm_up: 0 } } as const;
  const { plan } = await planFor({ loras: FOUR, composition });
  expect(plan[0]?.refreshed).toEqual(['a', 'b', 'c', 'd']);
  for (const { refreshed, leader, reuse } of plan.slice(1)) {
    expect(refreshed).toEqual([leader]);
    expect(reuse).not.toContain(leader);
  }
});

test('without a cut nothing is refreshed, though all run in full', async () => {
  const { plan } = await planFor({ loras: FOUR, composition: { method: 'cmlora', cut: 'none' } });
  expect(plan[3]).toMatchObject({ refreshed: [], full: ['a', 'b', 'c', 'd'] });
});

test('the leading order, its sets and where each class came from are said', async () => {
  const loras = [
    { id: 'a', frequency_class: 'low' as const },
    { id: 'b' },
    { id: 'c', frequency_class: 'high' as const },
  ];
  const { leading } = await planFor({ loras });
  expect(leading).toEqual({
    order: ['b', 'c', 'a'],
    order_source: 'classes',
    high: ['b', 'c'],
    low: ['a'],
    classes: [
      { id: 'a', frequency_class: 'low', source: 'request', score: null, profile: 'absent' },
      { id: 'b', frequency_class: 'high', source: 'assumed', score: null, profile: 'absent' },
      { id: 'c', frequency_class: 'high', source: 'request', score: null, profile: 'absent' },
    ],
    split: null,
    halves_tau: null,
  });
});

test('an order that the request names is the leading order', async () => {
  const { leading, plan } = await planFor({
    loras: FOUR,
    composition: { method: 'cmlora', order: ['c', 'a', 'd', 'b'] },
  });
  expect(leading).toMatchObject({ order: ['c', 'a', 'd', 'b'], order_source: 'request' });
  expect(plan[0]?.leader).toBe('c');
});

test('merge has no leaders', async () => {
  expect((await planFor({ loras: FOUR, composition: { method: 'merge' } })).leading).toBeNull();
  expect((await planFor({ loras: FOUR, composition: { method: 'switch' } })).leading).toBeNull();
  expect((await planFor({ loras: FOUR, composition: { method: 'switch-a' } })).leading).not.toBeNull();
});
