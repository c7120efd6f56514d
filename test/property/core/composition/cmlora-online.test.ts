import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planCmlora } from '../../../../src/core/composition/cmlora.ts';
import type { CompositionSetup, PassPlan } from '../../../../src/core/composition/method.ts';
import type { CmloraComposition } from '../../../../src/core/composition/options.ts';
import { highBandOfLatent } from '../../../../src/core/frequency/high-band.ts';
import { randn } from '../../../../src/core/random/torch-generator.ts';
import { createLeadership, type Lead } from '../../../../src/core/sequencer/leadership.ts';
import type { Tensor } from '../../../../src/core/tensor/tensor.ts';
import { adaptersOf, cmloraOf, plansOf, setupOf } from '../../../support/composition.ts';

/** The invariants of cmlora.md, B.7, where the latent has a say, over any latents. */

const LEAST_DWELL = 5;
const THRESHOLD = 0.3;

const sets = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 3 }));
const bands = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 });
const options = fc.record({
  preset: fc.constantFrom('quality', 'fast', 'reference'),
  direction: fc.constantFrom('high_first', 'low_first'),
  late_set: fc.constantFrom('low', 'all'),
  cache: fc.constantFrom('feature', 'delta'),
} as const);

function setupFor([high, low]: readonly [number, number], evaluationCount: number): CompositionSetup {
  const classes = [...Array<'high'>(high).fill('high'), ...Array<'low'>(low).fill('low')];
  return setupOf(adaptersOf(...classes), evaluationCount);
}

/** Who leads while the latent's high band goes through `values`. */
function leadsOf(setup: CompositionSetup, composition: CmloraComposition, values: readonly number[]): readonly Lead[] {
  const us = setup.evaluations.map(({ timestep }) => 1 - timestep / 1000);
  const classes = setup.adapters.map(({ frequencyClass }) => frequencyClass);
  const leadership = createLeadership(composition, { classes, requested: null, us });
  const leads: Lead[] = [];
  for (const [evaluation, highBand] of values.entries()) {
    leads.push(leadership.next({ evaluation, u: us[evaluation] ?? 1, highBand }, leads.at(-1) ?? null));
  }
  return leads;
}

/** Lengths of the phases, and which they are. */
function phasesOf(leads: readonly Lead[]): readonly { phase: number; length: number }[] {
  const phases: { phase: number; length: number }[] = [];
  for (const { phase } of leads) {
    const last = phases.at(-1);
    if (last?.phase === phase) last.length += 1;
    else phases.push({ phase, length: 1 });
  }
  return phases;
}

const online = (setup: CompositionSetup, rest: Parameters<typeof cmloraOf>[1] = {}) =>
  cmloraOf(setup, { mode: 'online', threshold: THRESHOLD, ...rest });

test('the first phase always comes first, and every phase but the last lasts for the least dwell', () => {
  fc.assert(
    fc.property(sets, bands, (counts, values) => {
      const setup = setupFor(counts, values.length);
      const phases = phasesOf(leadsOf(setup, online(setup), values));
      expect(phases[0]?.phase).toBe(0);
      expect(phases.slice(0, -1).filter(({ length }) => length < LEAST_DWELL)).toEqual([]);
    }),
  );
});

test('a latent that is always fine never leaves the first phase, and one that never is leaves it once', () => {
  fc.assert(
    fc.property(sets, fc.integer({ min: 6, max: 40 }), (counts, total) => {
      const setup = setupFor(counts, total);
      const fine = leadsOf(setup, online(setup), Array(total).fill(THRESHOLD));
      expect(phasesOf(fine)).toEqual([{ phase: 0, length: total }]);
      const broad = leadsOf(setup, online(setup), Array(total).fill(THRESHOLD / 2));
      expect(phasesOf(broad)).toEqual([
        { phase: 0, length: LEAST_DWELL },
        { phase: 1, length: total - LEAST_DWELL },
      ]);
    }),
  );
});

test('a high band that only falls changes the sets once at most, where it falls through the threshold', () => {
  fc.assert(
    fc.property(sets, bands, (counts, drawn) => {
      const values = drawn.toSorted((one, other) => other - one);
      const setup = setupFor(counts, values.length);
      const phases = phasesOf(leadsOf(setup, online(setup), values));
      const below = values.findIndex((value) => value < THRESHOLD);
      const change = below < 0 ? values.length : Math.max(below, LEAST_DWELL);
      expect(phases.length).toBeLessThanOrEqual(2);
      expect(phases[0]?.length).toBe(Math.min(change, values.length));
    }),
  );
});

test('each phase is always led by its own set', () => {
  fc.assert(
    fc.property(sets, bands, options, (counts, values, rest) => {
      const setup = setupFor(counts, values.length);
      const composition = online(setup, { ...rest, late_set: 'low' });
      const first = rest.direction === 'high_first' ? 'high' : 'low';
      for (const { phase, leader } of leadsOf(setup, composition, values)) {
        expect(setup.adapters[leader]?.frequencyClass === first).toBe(phase === 0);
      }
    }),
  );
});

test('a plan that nobody has seen a latent for is always the offline one, where both phases have room', () => {
  fc.assert(
    fc.property(sets, fc.integer({ min: 15, max: 50 }), options, (counts, total, rest) => {
      const setup = setupFor(counts, total);
      const planOf = (composition: CmloraComposition) =>
        JSON.stringify(plansOf(planCmlora(composition, setup), setup).map(({ summary, passes }) => [summary, passes]));
      expect(planOf(online(setup, rest)) === planOf(cmloraOf(setup, rest))).toBe(true);
    }),
    { numRuns: 30 },
  );
});

/** Noise of which more or less is smoothed away: from the finest latent to one that is flat but for a little. */
function latentOf(seed: number, fineness: number): Tensor {
  const noise = randn(seed, [1, 4, 12, 12]);
  return {
    dims: noise.dims,
    data: noise.data.map((value, index) => fineness * value + Math.floor((index % 144) / 72)),
  };
}

test('whatever the latents are, all adapters vote, weights sum to 1, ages are bounded, and what was seen is told', () => {
  const seen = fc.array(fc.tuple(fc.nat(9), fc.double({ min: 0, max: 2, noNaN: true })), {
    minLength: 1,
    maxLength: 25,
  });
  fc.assert(
    fc.property(sets, seen, options, (counts, looks, rest) => {
      const setup = setupFor(counts, looks.length);
      const composition = online(setup, rest);
      const planner = planCmlora(composition, setup);
      const ids = setup.adapters.map(({ id }) => id);
      const refreshedAt = new Map<string, number>();
      let state = planner.start;
      for (const evaluation of setup.evaluations) {
        const [seed, fineness] = looks[evaluation.index] ?? [0, 0];
        const latent = latentOf(seed, fineness);
        const plan: PassPlan<typeof state> = planner.plan(evaluation, state, { latent });
        state = plan.state;
        const { weights, full, reuse, observed } = plan.summary;
        expect(weights.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 9);
        expect([...full, ...reuse].sort()).toEqual(ids);
        expect(observed).toMatchObject({ high_band: highBandOfLatent(latent, 'raw'), threshold: THRESHOLD });
        for (const { cache } of plan.passes) {
          if (cache?.mode === 'refresh') refreshedAt.set(cache.key, evaluation.index);
          const age = evaluation.index - (refreshedAt.get(cache?.key ?? '') ?? evaluation.index);
          expect(age).toBeLessThan(composition.refresh.max_age);
        }
      }
    }),
    { numRuns: 40 },
  );
});

/** Noise whose mean, a single number, is not by chance what is largest in its spectrum. */
const FINE_SEED = [...Array(20).keys()].find((seed) => highBandOfLatent(latentOf(seed, 5), 'raw') > 2 * THRESHOLD) ?? 0;

test('two images of one request follow their own latents, whatever the other does', () => {
  const setup = setupFor([2, 1], 12);
  const planner = planCmlora(online(setup), setup);
  const leadersBy = (fineness: number) => {
    let state = planner.start;
    return setup.evaluations.map((evaluation) => {
      const plan = planner.plan(evaluation, state, { latent: latentOf(FINE_SEED, fineness) });
      state = plan.state;
      return plan.summary.leader;
    });
  };
  const [fine, broad] = [leadersBy(5), leadersBy(0.01)];
  expect(fine).not.toContain('c');
  expect(broad.slice(LEAST_DWELL)).toEqual(Array(7).fill('c'));
  expect(leadersBy(5)).toEqual(fine);
});
