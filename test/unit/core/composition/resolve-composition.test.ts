import { expect, test } from 'vitest';
import { planComposition } from '../../../../src/core/composition/index.ts';
import type { FrequencyClass } from '../../../../src/core/composition/method.ts';
import type { RequestedComposition } from '../../../../src/core/composition/options.ts';
import {
  type CompositionContext,
  compositionProblems,
  resolveComposition,
} from '../../../../src/core/composition/resolve-composition.ts';
import { adaptersOf, compositionOf, plansOf, setupOf } from '../../../support/composition.ts';

const CONTEXT: CompositionContext & { readonly classes: readonly FrequencyClass[] } = {
  loraIds: ['ink', 'fox'],
  classes: ['high', 'low'],
  evaluationCount: 20,
  unet: { layersPerBlock: 2, levels: 4 },
};

test('two LoRAs are composed by cmlora and fewer are merged, unless the request says otherwise', () => {
  expect(resolveComposition(undefined, CONTEXT).method).toBe('cmlora');
  expect(resolveComposition(undefined, { ...CONTEXT, loraIds: ['ink'] })).toEqual({
    method: 'merge',
    scale: 1,
    text_encoder: 'all',
  });
  expect(resolveComposition({ method: 'merge' }, CONTEXT).method).toBe('merge');
});

test('nothing of cmlora is left implicit', () => {
  expect(resolveComposition({ method: 'cmlora' }, CONTEXT)).toEqual({
    method: 'cmlora',
    preset: 'quality',
    direction: 'high_first',
    mode: 'offline',
    threshold: null,
    phase_at: 0.6,
    late_set: 'low',
    turn: { near: 2, middle: 3, bounds: [0.375, 0.875] },
    weights: { initial: 1, decay: 'none', floor: 1 },
    refresh: { policy: 'oldest_first', every: 1, max_age: 12, warm_up: 1, forced_end: 0 },
    cut: { level: 0, layers: 1 },
    cache: 'feature',
    uncond: 'base',
    text_encoder: 'own',
    order: null,
    parity: 'none',
  });
});

test('the plain model guides two LoRAs or more; one alone stays the plain LoRA, and reference is what the paper has', () => {
  const uncondOf = (requested: RequestedComposition, loraIds: readonly string[]) => {
    const composition = resolveComposition(requested, { ...CONTEXT, loraIds });
    return composition.method === 'cmlora' ? composition.uncond : undefined;
  };
  expect(uncondOf({ method: 'cmlora', preset: 'fast' }, ['a', 'b'])).toBe('base');
  expect(uncondOf({ method: 'cmlora' }, ['a'])).toBe('per_lora');
  expect(uncondOf({ method: 'cmlora', preset: 'reference' }, ['a', 'b'])).toBe('per_lora');
  expect(uncondOf({ method: 'cmlora', uncond: 'per_lora' }, ['a', 'b'])).toBe('per_lora');
});

test('ages and warm-up grow with the trajectory', () => {
  const refreshAt = (evaluationCount: number) => {
    const composition = resolveComposition({ method: 'cmlora' }, { ...CONTEXT, evaluationCount });
    return composition.method === 'cmlora' ? [composition.refresh.max_age, composition.refresh.warm_up] : [];
  };
  // 60 % but never below 3, and 4 %, both rounded up.
  expect([1, 25, 26, 50, 100].map(refreshAt)).toEqual([
    [3, 1],
    [15, 1],
    [16, 2],
    [30, 2],
    [60, 4],
  ]);
});

test('fast is quality that refreshes one LoRA every two evaluations', () => {
  const quality = resolveComposition({ method: 'cmlora' }, CONTEXT);
  expect(resolveComposition({ method: 'cmlora', preset: 'fast' }, CONTEXT)).toEqual({
    ...quality,
    preset: 'fast',
    refresh: { policy: 'oldest_first', every: 2, max_age: 12, warm_up: 1, forced_end: 0 },
  });
});

test.each([
  [25, 0.08, 0.9, 1],
  [25, 0.135, 1, 1.1],
  [50, 0.08, 0.9, 1],
  [50, 0.135, 1, 1.1],
])(
  'fast runs four LoRAs in %d evaluations at about one full pass each, where a reuse pass is %d of one',
  (evaluationCount, share, least, most) => {
    const setup = setupOf(adaptersOf('high', 'high', 'high', 'low'), evaluationCount);
    const planner = planComposition(compositionOf({ method: 'cmlora', preset: 'fast' }, setup), setup);
    const passes = plansOf(planner, setup).flatMap((plan) => plan.passes);
    const cost = passes.reduce((sum, { cache }) => sum + (cache?.mode === 'reuse' ? share : 1), 0);
    // A full pass is both guidance halves.
    expect(cost / 2 / evaluationCount).toBeGreaterThan(least);
    expect(cost / 2 / evaluationCount).toBeLessThan(most);
  },
);

test('reference is what the authors ran: the leader counts more, no bound on the age, and all but the first lead late', () => {
  const quality = resolveComposition({ method: 'cmlora' }, CONTEXT);
  expect(resolveComposition({ method: 'cmlora', preset: 'reference' }, CONTEXT)).toEqual({
    ...quality,
    preset: 'reference',
    late_set: 'all_but_first',
    weights: { initial: 'n_minus_half', decay: 'none', floor: 1 },
    refresh: { policy: 'on_turn', every: 1, max_age: 20, warm_up: 0, forced_end: 0 },
    cut: { level: 0, layers: 3 },
    uncond: 'per_lora',
    text_encoder: 'all',
  });
});

test('any option beside a preset overrides it, one field of a group at a time', () => {
  const composition = resolveComposition(
    {
      method: 'cmlora',
      preset: 'fast',
      turn: { middle: 5 },
      refresh: { forced_end: 2, warm_up: 0 },
      weights: { decay: 'geometric' },
      cut: { level: 1, layers: 2 },
      phase_at: 0,
    },
    CONTEXT,
  );
  expect(composition).toMatchObject({
    phase_at: 0,
    weights: { initial: 1, decay: 'geometric' },
    turn: { near: 2, middle: 5 },
    refresh: { policy: 'oldest_first', every: 2, forced_end: 2, max_age: 12, warm_up: 0 },
    cut: { level: 1, layers: 2 },
  });
  expect(resolveComposition({ method: 'cmlora', preset: 'reference', cut: 'outer' }, CONTEXT)).toMatchObject({
    cut: { level: 0, layers: 1 },
  });
});

test('a resolved composition asked for again resolves to itself', () => {
  const {
    order: _,
    threshold: __,
    ...resolved
  } = resolveComposition({ method: 'cmlora', preset: 'fast' }, CONTEXT) as Extract<
    ReturnType<typeof resolveComposition>,
    { method: 'cmlora' }
  >;
  expect(resolveComposition(resolved, CONTEXT)).toEqual({ ...resolved, order: null, threshold: null });
});

test('nothing of a rival is left implicit', () => {
  const triggers = [{ id: 'fox', phrases: ['red fox'] }];
  const context = { ...CONTEXT, evaluationCount: 50 };
  expect(resolveComposition({ method: 'lorahub' }, context)).toEqual({
    method: 'lorahub',
    weights: [
      { id: 'ink', weight: 1 },
      { id: 'fox', weight: 1 },
    ],
    text_encoder: 'all',
  });
  expect(resolveComposition({ method: 'switch-a' }, context)).toEqual({
    method: 'switch-a',
    tau: 5,
    phase_at: 0.6,
    text_encoder: 'own',
  });
  expect(resolveComposition({ method: 'w-switch', triggers }, context)).toEqual({
    method: 'w-switch',
    triggers: [{ id: 'ink', phrases: [] }, ...triggers],
    weights: null,
    // 5 % of 50 is 2.5, and a half goes to the even number, as in Python.
    tau: 2,
    closing: { id: 'ink', evaluations: 2 },
    text_encoder: 'own',
  });
  expect(resolveComposition({ method: 'w-composite' }, context)).toMatchObject({ weights: null, text_encoder: 'own' });
  expect(resolveComposition({ method: 'delta-composite' }, context)).toMatchObject({ scale: 1, uncond: 'per_lora' });
  expect(resolveComposition({ method: 'loratorio-like' }, context)).toMatchObject({ patches: 8, temperature: 0.05 });
});

test("a rival's list is put into the order of the request, and must name its LoRAs", () => {
  const weights = [
    { id: 'fox', weight: 0.5 },
    { id: 'ink', weight: 0.25 },
  ];
  const resolved = resolveComposition({ method: 'lorahub', weights }, CONTEXT);
  expect(resolved).toMatchObject({ weights: weights.toReversed() });
  expect(compositionProblems(resolved, CONTEXT)).toEqual([]);

  const wrong = resolveComposition(
    {
      method: 'w-switch',
      triggers: [
        { id: 'cat', phrases: [] },
        { id: 'ink', phrases: [] },
        { id: 'ink', phrases: ['x'] },
      ],
      weights: [{ id: 'ink', weight: 0 }],
      closing: { id: 'cat' },
    },
    CONTEXT,
  );
  expect(compositionProblems(wrong, CONTEXT).map(({ message }) => message)).toEqual([
    'composition.triggers names ["ink","ink","fox","cat"]; must name each of ["ink","fox"] once',
    'composition.weights names ["ink"]; must name each of ["ink","fox"] once',
    'composition.weights are all 0; at least one must be above it',
    'composition.closing.id is "cat"; must be one of ["ink","fox"]',
  ]);
});

test('what does not fit the checkpoint or the request is reported all at once', () => {
  const composition = resolveComposition(
    { method: 'cmlora', turn: { bounds: [0.9, 0.1] }, cut: { level: 4, layers: 4 }, order: ['ink', 'ink'] },
    CONTEXT,
  );
  expect(compositionProblems(composition, CONTEXT).map(({ message }) => message)).toEqual([
    'composition.turn.bounds is [0.9, 0.1]; the first must not be above the second',
    'composition.cut.level is 4; must be an integer from 0 to 3 with this checkpoint',
    'composition.cut.layers is 4; must be an integer from 1 to 3 with this checkpoint',
    'composition.order is ["ink","ink"]; must name each of ["ink","fox"] once',
  ]);
  expect(compositionProblems(resolveComposition(undefined, CONTEXT), CONTEXT)).toEqual([]);
});

test('parity starts from the preset reference, and its online mode from the threshold of the authors', () => {
  const parity = { method: 'cmlora', parity: 'reference' } as const;
  expect(resolveComposition(parity, CONTEXT)).toMatchObject({ preset: 'reference', threshold: null });
  expect(resolveComposition({ ...parity, mode: 'online' }, CONTEXT)).toMatchObject({ threshold: 0.4 });
  expect(resolveComposition({ ...parity, mode: 'online', threshold: 0.2 }, CONTEXT)).toMatchObject({ threshold: 0.2 });
  expect(resolveComposition({ method: 'cmlora', mode: 'online' }, CONTEXT)).toMatchObject({ threshold: null });
  expect(compositionProblems(resolveComposition(parity, CONTEXT), CONTEXT)).toEqual([]);
});

test("what the authors' code does not have is refused beside parity, all at once", () => {
  const composition = resolveComposition(
    {
      method: 'cmlora',
      preset: 'fast',
      parity: 'reference',
      direction: 'low_first',
      refresh: { policy: 'oldest_first' },
      cache: 'delta',
      uncond: 'base',
    },
    CONTEXT,
  );
  const allLow = { ...CONTEXT, classes: ['low', 'low'] as const };
  expect(compositionProblems(composition, allLow).map(({ message }) => message)).toEqual([
    'composition.direction is low_first; must be high_first with parity reference',
    'composition.late_set is low; must be all_but_first with parity reference',
    'composition.refresh.policy is oldest_first; must be on_turn or all with parity reference',
    'composition.cache is delta; must be feature with parity reference',
    'composition.uncond is base; must be per_lora with parity reference',
    'composition.parity is reference; must be none without a LoRA of high frequency',
  ]);
});

test('a threshold without a mode that looks at the latent is refused', () => {
  const composition = resolveComposition({ method: 'cmlora', threshold: 0.3 }, CONTEXT);
  expect(compositionProblems(composition, CONTEXT).map(({ message }) => message)).toEqual([
    'composition.threshold is 0.3; must be left out with mode offline, which looks at no latent',
  ]);
});
