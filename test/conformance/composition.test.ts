import { describe, expect, test } from 'vitest';
import { planComposition } from '../../src/core/composition/index.ts';
import type { ComposedAdapter, CompositionSetup } from '../../src/core/composition/method.ts';
import { METHOD_NAMES, type RequestedComposition } from '../../src/core/composition/options.ts';
import type { Tensor } from '../../src/core/tensor/tensor.ts';
import { adaptersOf, compositionOf, plansOf, setupOf } from '../support/composition.ts';

/** What holds for every composition method: at its defaults, where it is in by being in the registry, and with the options below. */

const WITH_OPTIONS: readonly RequestedComposition[] = [
  { method: 'merge', scale: 1, text_encoder: 'none' },
  { method: 'switch', tau: 1, text_encoder: 'first' },
  { method: 'switch-a', tau: 1, phase_at: 0.3 },
  { method: 'composite', text_encoder: 'all' },
  { method: 'delta-composite', scale: 0.4, uncond: 'base' },
  { method: 'loratorio-like', patches: 1, temperature: 1e9 },
  { method: 'cmlora', preset: 'fast' },
  { method: 'cmlora', preset: 'reference' },
  { method: 'cmlora', mode: 'online' },
  { method: 'cmlora', mode: 'online', threshold: 0.3, direction: 'low_first', cache: 'delta' },
  { method: 'cmlora', parity: 'reference' },
  { method: 'cmlora', parity: 'reference', mode: 'online' },
  { method: 'cmlora', cache: 'delta' },
  { method: 'cmlora', cache: 'forecast', refresh: { policy: 'leader' } },
  { method: 'cmlora', cache: 'delta', preset: 'fast', direction: 'interleaved' },
];

const COMPOSITIONS = [...METHOD_NAMES.map((method): RequestedComposition => ({ method })), ...WITH_OPTIONS];

const EVALUATIONS = 20;
const CLASSES = ['high', 'low', 'high', 'low'] as const;

function plannerOf(requested: RequestedComposition, setup: CompositionSetup) {
  return planComposition(compositionOf(requested, setup), setup);
}

function setupFor(adapterCount: number, rest: Partial<CompositionSetup> = {}): CompositionSetup {
  return setupOf(adaptersOf(...CLASSES.slice(0, adapterCount)), EVALUATIONS, rest);
}

/** Predictions that are told apart: pass i predicts i + 1 everywhere. */
function predictionsFor(passCount: number): readonly Tensor[] {
  return Array.from({ length: passCount }, (_, index) => ({
    dims: [1, 1, 1, 2],
    data: Float32Array.of(index + 1, -index - 1),
  }));
}

describe.each(COMPOSITIONS)('%j', (requested) => {
  test.each([0, 1, 2, 4])('plans every evaluation of %d adapters', (count) => {
    const setup = setupFor(count);
    const plans = plansOf(plannerOf(requested, setup), setup);
    expect(plans.map(({ summary }) => [summary.evaluation, summary.step, summary.timestep])).toEqual(
      setup.evaluations.map(({ index, step, timestep }) => [index, step, timestep]),
    );
    expect(plans.every(({ passes }) => passes.length > 0)).toBe(true);
  });

  test('the fold is what the plan says: the weights of the LoRAs, and what they lack to 1 is the plain model', () => {
    const setup = setupFor(4);
    const planner = plannerOf(requested, setup);
    for (const plan of plansOf(planner, setup)) {
      const { weights } = plan.summary;
      if (weights.length === 0) continue;
      const predictions = predictionsFor(plan.passes.length);
      const expected = plan.passes.reduce((sum, { adapters, conditioning }, index) => {
        if (conditioning.text === 'negative') return sum;
        const own = setup.adapters.find(({ adapter }) => adapter === adapters[0]?.adapter);
        const ofLoras = weights.reduce((total, { weight }) => total + weight, 0);
        const weight = own === undefined ? 1 - ofLoras : (weights.find(({ id }) => id === own.id)?.weight ?? 0);
        return sum + weight * (predictions[index]?.data[0] ?? 0);
      }, 0);
      expect(planner.combine(plan, predictions).cond.data[0]).toBeCloseTo(expected, 5);
    }
  });

  test('passes that agree are folded to what they agree on', () => {
    const setup = setupFor(4);
    const planner = plannerOf(requested, setup);
    for (const plan of plansOf(planner, setup)) {
      const same = plan.passes.map(() => ({ dims: [1, 1, 1, 2], data: Float32Array.of(3, -0.5) }));
      const { cond, uncond } = planner.combine(plan, same);
      for (const { data } of [cond, uncond].filter((half) => half !== null)) {
        expect([...data].map((value) => Number(value.toFixed(5)))).toEqual([3, -0.5]);
      }
    }
  });

  test('no adapters is the plain base model', () => {
    const setup = setupFor(0);
    const [plan] = plansOf(plannerOf(requested, setup), setup);
    expect(plan?.passes).toEqual(
      ['negative', 'prompt'].map((text) => ({ adapters: [], conditioning: { text, adapters: [] } })),
    );
    expect(plan?.summary).toMatchObject({ leader: null, weights: [], full: [], reuse: [] });
  });

  test('every pass belongs to adapters of the request, at the weights of the request', () => {
    const setup = setupFor(4);
    const unet = usesOf(setup.adapters, 'unet');
    const text = usesOf(setup.adapters, 'textEncoder');
    for (const { passes } of plansOf(plannerOf(requested, setup), setup)) {
      for (const pass of passes) {
        expect(unet).toEqual(expect.arrayContaining([...pass.adapters]));
        expect(text).toEqual(expect.arrayContaining([...pass.conditioning.adapters]));
      }
    }
  });

  test('the summary tells full from reuse as the passes do', () => {
    const setup = setupFor(4);
    for (const { passes, summary } of plansOf(plannerOf(requested, setup), setup)) {
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
    for (const { passes } of plansOf(plannerOf(requested, setup), setup)) {
      for (const { adapters, conditioning, cache } of passes) {
        if (cache === undefined) continue;
        const content = { adapters, conditioning, cut: cache.cut };
        if (cache.mode === 'refresh') kept.set(cache.key, content);
        expect(kept.get(cache.key)).toEqual(content);
      }
    }
  });

  test('an origin is refreshed before it is needed, at the same evaluation, cut and text', () => {
    const setup = setupFor(4);
    for (const { passes } of plansOf(plannerOf(requested, setup), setup)) {
      for (const [index, { conditioning, cache }] of passes.entries()) {
        if (cache?.relativeTo === undefined) continue;
        const origin = passes.slice(0, index).find((pass) => pass.cache?.key === cache.relativeTo);
        expect(origin?.cache).toEqual({ mode: 'refresh', cut: cache.cut, key: cache.relativeTo });
        expect(origin?.conditioning.text).toBe(conditioning.text);
      }
    }
  });

  test('a key is used by one pass of an evaluation', () => {
    const setup = setupFor(4);
    for (const { passes } of plansOf(plannerOf(requested, setup), setup)) {
      const keys = passes.flatMap(({ cache }) => cache?.key ?? []);
      expect(new Set(keys).size).toBe(keys.length);
    }
  });

  test('without guidance nothing is run or folded for the negative prompt', () => {
    const setup = setupFor(4, { guided: false });
    const planner = plannerOf(requested, setup);
    for (const plan of plansOf(planner, setup)) {
      expect(plan.passes.every(({ conditioning }) => conditioning.text === 'prompt')).toBe(true);
      expect(planner.combine(plan, predictionsFor(plan.passes.length)).uncond).toBeNull();
    }
  });

  test('planning and folding are pure: the same in, the same out, and nothing is changed', () => {
    const setup = deepFreeze(setupFor(4));
    const planner = plannerOf(requested, setup);
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
