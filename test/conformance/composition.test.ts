import { describe, expect, test } from 'vitest';
import { planComposition } from '../../src/core/composition/index.ts';
import type { ComposedAdapter, CompositionSetup } from '../../src/core/composition/method.ts';
import { METHOD_NAMES, type MethodName } from '../../src/core/composition/options.ts';
import { resolveComposition } from '../../src/core/composition/resolve-composition.ts';
import type { Tensor } from '../../src/core/tensor/tensor.ts';
import { adaptersOf, plansOf, setupOf, UNET } from '../support/composition.ts';

/** What holds for every composition method at its defaults. A method of the registry is in by being there. */

const EVALUATIONS = 20;
const CLASSES = ['high', 'low', 'high', 'low'] as const;

function plannerOf(method: MethodName, setup: CompositionSetup) {
  const composition = resolveComposition(
    { method },
    { loraIds: setup.adapters.map(({ id }) => id), evaluationCount: setup.evaluations.length, unet: UNET },
  );
  return planComposition(composition, setup);
}

function setupFor(adapterCount: number, rest: Partial<CompositionSetup> = {}): CompositionSetup {
  return setupOf(adaptersOf(...CLASSES.slice(0, adapterCount)), EVALUATIONS, rest);
}

/** Predictions that are told apart: pass i predicts i + 1 everywhere. */
function predictionsFor(passCount: number): readonly Tensor[] {
  return Array.from({ length: passCount }, (_, index) => ({ dims: [2], data: Float32Array.of(index + 1, -index - 1) }));
}

describe.each(METHOD_NAMES)('%s', (method) => {
  test.each([0, 1, 2, 4])('plans every evaluation of %d adapters', (count) => {
    const setup = setupFor(count);
    const plans = plansOf(plannerOf(method, setup), setup);
    expect(plans.map(({ summary }) => [summary.evaluation, summary.step, summary.timestep])).toEqual(
      setup.evaluations.map(({ index, step, timestep }) => [index, step, timestep]),
    );
    expect(plans.every(({ passes }) => passes.length > 0)).toBe(true);
  });

  test('weights, where there are any, sum to 1', () => {
    const setup = setupFor(4);
    for (const { summary } of plansOf(plannerOf(method, setup), setup)) {
      const sum = summary.weights.reduce((total, { weight }) => total + weight, 0);
      expect(summary.weights.length === 0 || Math.abs(sum - 1) < 1e-12).toBe(true);
    }
  });

  test('one adapter alone is the plain LoRA: pass for pass what merge runs, with nothing cached', () => {
    const setup = setupFor(1);
    const passes = plansOf(plannerOf(method, setup), setup).map((plan) => plan.passes);
    expect(passes).toEqual(plansOf(plannerOf('merge', setup), setup).map((plan) => plan.passes));
  });

  test('one adapter alone folds to the predictions themselves, bit for bit', () => {
    const setup = setupFor(1);
    const planner = plannerOf(method, setup);
    const [evaluation] = setup.evaluations;
    if (evaluation === undefined) throw new Error('there is a first evaluation');
    const [uncond, cond] = predictionsFor(2);
    expect(planner.combine(planner.plan(evaluation, planner.start), [uncond, cond] as Tensor[])).toEqual({
      uncond,
      cond,
    });
  });

  test('no adapters is the plain base model', () => {
    const setup = setupFor(0);
    const [plan] = plansOf(plannerOf(method, setup), setup);
    expect(plan?.passes).toEqual(
      ['negative', 'prompt'].map((text) => ({ adapters: [], conditioning: { text, adapters: [] } })),
    );
    expect(plan?.summary).toMatchObject({ leader: null, weights: [], full: [], reuse: [] });
  });

  test('every pass belongs to adapters of the request, at the weights of the request', () => {
    const setup = setupFor(4);
    const unet = usesOf(setup.adapters, 'unet');
    const text = usesOf(setup.adapters, 'textEncoder');
    for (const { passes } of plansOf(plannerOf(method, setup), setup)) {
      for (const pass of passes) {
        expect(unet).toEqual(expect.arrayContaining([...pass.adapters]));
        expect(text).toEqual(expect.arrayContaining([...pass.conditioning.adapters]));
      }
    }
  });

  test('the summary tells full from reuse as the passes do', () => {
    const setup = setupFor(4);
    for (const { passes, summary } of plansOf(plannerOf(method, setup), setup)) {
      const idsOf = (isReuse: boolean) => {
        const chosen = passes.filter(({ cache }) => (cache?.mode === 'reuse') === isReuse);
        const used = new Set(chosen.flatMap(({ adapters }) => adapters.map(({ adapter }) => adapter)));
        return setup.adapters.filter(({ adapter }) => used.has(adapter)).map(({ id }) => id);
      };
      expect([summary.full, summary.reuse]).toEqual([idsOf(false), idsOf(true)]);
    }
  });

  test('what is reused was refreshed before, at the same cut and by the same adapters', () => {
    const setup = setupFor(4);
    const kept = new Map<string, unknown>();
    for (const { passes } of plansOf(plannerOf(method, setup), setup)) {
      for (const { adapters, conditioning, cache } of passes) {
        if (cache === undefined) continue;
        const content = { adapters, conditioning, cut: cache.cut };
        if (cache.mode === 'refresh') kept.set(cache.key, content);
        expect(kept.get(cache.key)).toEqual(content);
      }
    }
  });

  test('a key is used by one pass of an evaluation', () => {
    const setup = setupFor(4);
    for (const { passes } of plansOf(plannerOf(method, setup), setup)) {
      const keys = passes.flatMap(({ cache }) => cache?.key ?? []);
      expect(new Set(keys).size).toBe(keys.length);
    }
  });

  test('without guidance nothing is run or folded for the negative prompt', () => {
    const setup = setupFor(4, { guided: false });
    const planner = plannerOf(method, setup);
    for (const plan of plansOf(planner, setup)) {
      expect(plan.passes.every(({ conditioning }) => conditioning.text === 'prompt')).toBe(true);
      expect(planner.combine(plan, predictionsFor(plan.passes.length)).uncond).toBeNull();
    }
  });

  test('planning and folding are pure: the same in, the same out, and nothing is changed', () => {
    const setup = deepFreeze(setupFor(4));
    const planner = plannerOf(method, setup);
    let state = planner.start;
    for (const evaluation of setup.evaluations) {
      const before = structuredClone(state);
      const plan = planner.plan(evaluation, state);
      expect(planner.plan(evaluation, state)).toEqual(plan);
      expect(state).toEqual(before);
      const predictions = predictionsFor(plan.passes.length);
      const folded = planner.combine(plan, predictions);
      expect(planner.combine(plan, predictions)).toEqual(folded);
      expect(predictions).toEqual(predictionsFor(plan.passes.length));
      state = plan.state;
    }
  });
});

function usesOf(adapters: readonly ComposedAdapter[], part: 'unet' | 'textEncoder') {
  return adapters.map(({ adapter, weight }) => ({ adapter, weight: weight[part] }));
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze);
  return value;
}
