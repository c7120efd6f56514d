import { expect, test } from 'vitest';
import {
  type CompositionContext,
  compositionProblems,
  resolveComposition,
} from '../../../../src/core/composition/resolve-composition.ts';

const CONTEXT: CompositionContext = {
  loraIds: ['ink', 'fox'],
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
    phase_at: 0.6,
    late_set: 'low',
    turn: { near: 2, middle: 3, bounds: [0.375, 0.875] },
    weights: { initial: 'n_minus_half', decay: 'none', floor: 1 },
    refresh: { policy: 'oldest_first', every: 1, max_age: 3, warm_up: 2, forced_end: 0 },
    cut: { level: 0, layers: 3 },
    cache: 'feature',
    uncond: 'per_lora',
    text_encoder: 'own',
    order: null,
  });
});

test('ages and warm-up grow with the trajectory', () => {
  const refreshAt = (evaluationCount: number) => {
    const composition = resolveComposition({ method: 'cmlora' }, { ...CONTEXT, evaluationCount });
    return composition.method === 'cmlora' ? [composition.refresh.max_age, composition.refresh.warm_up] : [];
  };
  // 8 % of 25 is 2, whatever floating point makes of 0.08 * 25.
  expect([1, 25, 50, 100].map(refreshAt)).toEqual([
    [3, 1],
    [3, 2],
    [6, 4],
    [12, 8],
  ]);
});

test('fast refreshes half as often and reuses the outermost cut', () => {
  expect(resolveComposition({ method: 'cmlora', preset: 'fast' }, CONTEXT)).toMatchObject({
    preset: 'fast',
    refresh: { policy: 'oldest_first', every: 2, max_age: 3, warm_up: 2 },
    cut: { level: 0, layers: 1 },
  });
});

test('reference is what the authors ran: no bound on the age, and all but the first lead late', () => {
  expect(resolveComposition({ method: 'cmlora', preset: 'reference' }, CONTEXT)).toMatchObject({
    late_set: 'all_but_first',
    weights: { decay: 'none' },
    refresh: { policy: 'on_turn', max_age: 20, warm_up: 0, forced_end: 0 },
    cut: { level: 0, layers: 3 },
    text_encoder: 'all',
  });
});

test('any option beside a preset overrides it, one field of a group at a time', () => {
  const composition = resolveComposition(
    {
      method: 'cmlora',
      preset: 'fast',
      turn: { middle: 5 },
      refresh: { forced_end: 2, every: 0 },
      cut: 'outer',
      phase_at: 0,
    },
    CONTEXT,
  );
  expect(composition).toMatchObject({
    phase_at: 0,
    turn: { near: 2, middle: 5 },
    refresh: { every: 0, forced_end: 2, max_age: 3 },
    cut: { level: 0, layers: 1 },
  });
});

test('a resolved composition asked for again resolves to itself', () => {
  const { order: _, ...resolved } = resolveComposition({ method: 'cmlora', preset: 'fast' }, CONTEXT) as Extract<
    ReturnType<typeof resolveComposition>,
    { method: 'cmlora' }
  >;
  expect(resolveComposition(resolved, CONTEXT)).toEqual({ ...resolved, order: null });
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
