import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planCmlora } from '../../../../src/core/composition/cmlora.ts';
import { randn } from '../../../../src/core/random/torch-generator.ts';
import { adaptersOf, cmloraOf, plansOf, setupOf } from '../../../support/composition.ts';

/** `parity: reference` over any request: the faults of cmlora.md, G, that change pictures, and nothing else that B.7 forbids. */

const sets = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 3 }));
const total = fc.integer({ min: 10, max: 60 });
const turn = fc.record({ near: fc.integer({ min: 1, max: 5 }), middle: fc.integer({ min: 1, max: 5 }) });

function setupFor([high, low]: readonly [number, number], count: number) {
  return setupOf(adaptersOf(...[...Array(high).fill('high'), ...Array(low).fill('low')]), count);
}

test('a low adapter is never refreshed after the first evaluation, and nothing is once the second set leads (G.3)', () => {
  fc.assert(
    fc.property(sets, total, turn, (counts, count, lengths) => {
      fc.pre(counts[1] > 0);
      const setup = setupFor(counts, count);
      const plans = plansOf(planCmlora(cmloraOf(setup, { parity: 'reference', turn: lengths }), setup), setup);
      for (const { summary } of plans.slice(1)) {
        const low = summary.full.filter(
          (id) => setup.adapters.find((lora) => lora.id === id)?.frequencyClass === 'low',
        );
        expect(low).toEqual([]);
        if (summary.evaluation > Math.trunc(0.6 * count)) expect(summary.full).toEqual([]);
      }
    }),
  );
});

test('the first adapter never leads late, nor do the low ones beyond as many as there are high ones (G.8)', () => {
  fc.assert(
    fc.property(sets, total, turn, (counts, count, lengths) => {
      const [high, low] = counts;
      fc.pre(low > 0);
      const setup = setupFor(counts, count);
      const plans = plansOf(planCmlora(cmloraOf(setup, { parity: 'reference', turn: lengths }), setup), setup);
      const late = plans.slice(Math.trunc(0.6 * count) + 1).map(({ summary }) => summary.leader ?? '');
      const allowed = setup.adapters.slice(1, high + 1).map(({ id }) => id);
      expect(late.filter((id) => !allowed.includes(id))).toEqual([]);
    }),
  );
});

test('weights sum to 1 and every adapter votes', () => {
  fc.assert(
    fc.property(sets, total, turn, (counts, count, lengths) => {
      const setup = setupFor(counts, count);
      for (const { summary } of plansOf(
        planCmlora(cmloraOf(setup, { parity: 'reference', turn: lengths }), setup),
        setup,
      )) {
        expect(summary.weights.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 9);
        expect(summary.full.length + summary.reuse.length).toBe(setup.adapters.length);
      }
    }),
  );
});

test('online the second set leads from the second evaluation on, because a latent of this size has no bin 80 (G.1)', () => {
  fc.assert(
    fc.property(sets, fc.integer({ min: 10, max: 20 }), (counts, count) => {
      fc.pre(counts[1] > 0);
      const setup = setupFor(counts, count);
      const planner = planCmlora(cmloraOf(setup, { parity: 'reference', mode: 'online' }), setup);
      let state = planner.start;
      for (const evaluation of setup.evaluations) {
        const plan = planner.plan(evaluation, state, { latent: randn(evaluation.index, [1, 4, 16, 16]) });
        state = plan.state;
        const phase = evaluation.index === 0 ? 'first' : 'second';
        expect(plan.summary.observed).toEqual({ high_band: null, threshold: 0.4, phase });
        if (evaluation.index > 0) expect(plan.summary.full).toEqual([]);
      }
    }),
    { numRuns: 20 },
  );
});
