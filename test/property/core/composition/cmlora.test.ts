import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planCmlora } from '../../../../src/core/composition/cmlora.ts';
import type { CompositionSetup } from '../../../../src/core/composition/method.ts';
import type { CmloraComposition } from '../../../../src/core/composition/options.ts';
import { adaptersOf, cmloraOf, plansOf, setupOf, UNET } from '../../../support/composition.ts';

/** The invariants of cmlora.md, B.7, over any request. */

const classes = fc.array(fc.constantFrom('high', 'low'), { minLength: 1, maxLength: 7 });
const evaluationCount = fc.integer({ min: 1, max: 50 });
const fraction = fc.double({ min: 0, max: 1, noNaN: true });

const options = fc.record(
  {
    preset: fc.constantFrom('quality', 'fast', 'reference'),
    direction: fc.constantFrom('high_first', 'low_first', 'interleaved'),
    phase_at: fraction,
    late_set: fc.constantFrom('low', 'all', 'all_but_first'),
    turn: fc.record({
      near: fc.integer({ min: 1, max: 9 }),
      middle: fc.integer({ min: 1, max: 9 }),
      bounds: fc.tuple(fraction, fraction).map(([one, other]) => [Math.min(one, other), Math.max(one, other)] as const),
    }),
    weights: fc.record({
      initial: fc.oneof(fc.constant('n_minus_half' as const), fc.double({ min: 1e-3, max: 1e9, noNaN: true })),
      decay: fc.constantFrom('none', 'geometric'),
      floor: fc.double({ min: 0, max: 4, noNaN: true }),
    }),
    refresh: fc.record(
      {
        policy: fc.constantFrom('leader', 'on_turn', 'oldest_first', 'all'),
        every: fc.integer({ min: 1, max: 9 }),
        max_age: fc.integer({ min: 1, max: 150 }),
        warm_up: fc.integer({ min: 0, max: 150 }),
        forced_end: fc.integer({ min: 0, max: 150 }),
      },
      { requiredKeys: [] },
    ),
    cut: fc.constantFrom('outer' as const, 'none' as const, { level: 0, layers: 3 }),
    cache: fc.constantFrom('feature', 'delta'),
    uncond: fc.constantFrom('per_lora', 'base'),
  },
  { requiredKeys: [] },
);

interface Case {
  readonly setup: CompositionSetup;
  readonly composition: CmloraComposition;
}

const cases = fc.record({ classes, evaluationCount, options }).map((drawn): Case => {
  const setup = setupOf(adaptersOf(...drawn.classes), drawn.evaluationCount);
  return { setup, composition: cmloraOf(setup, drawn.options) };
});

function plansFor({ setup, composition }: Case) {
  return plansOf(planCmlora(composition, setup), setup);
}

/** The same case with other options in place. */
function changed({ setup, composition }: Case, options: Partial<CmloraComposition>): Case {
  return { setup, composition: { ...composition, ...options } };
}

test('every evaluation always has one leader of the request and weights that sum to 1', () => {
  fc.assert(
    fc.property(cases, (drawn) => {
      const ids = drawn.setup.adapters.map(({ id }) => id);
      const wrong = plansFor(drawn).filter(({ summary: { leader, weights } }) => {
        const sum = weights.reduce((total, { weight }) => total + weight, 0);
        const areVotes = weights.every(({ id, weight }, index) => id === ids[index] && weight >= 0);
        return !ids.includes(leader ?? '') || weights.length !== ids.length || !areVotes || Math.abs(sum - 1) > 1e-9;
      });
      expect(wrong).toEqual([]);
    }),
  );
});

test('every adapter always runs exactly once an evaluation, in full or from its cache', () => {
  fc.assert(
    fc.property(cases, (drawn) => {
      const ids = drawn.setup.adapters.map(({ id }) => id);
      const wrong = plansFor(drawn).filter(({ summary, passes }) => {
        const run = [...summary.full, ...summary.reuse].sort();
        const rows = passes.filter(({ adapters }) => adapters.length === 1);
        const halves = drawn.composition.uncond === 'base' ? 1 : 2;
        return run.join() !== ids.join() || rows.length !== halves * ids.length;
      });
      expect(wrong).toEqual([]);
    }),
  );
});

test('the plain model runs on both halves where deltas are kept, and else on those that the adapters leave to it', () => {
  fc.assert(
    fc.property(cases, (drawn) => {
      const { cache, uncond } = drawn.composition;
      for (const { passes } of plansFor(drawn)) {
        const rows = passes.filter(({ adapters }) => adapters.length === 0);
        const keepsDeltas = cache === 'delta' && passes.some((pass) => pass.cache !== undefined);
        const expected = keepsDeltas ? 2 : uncond === 'base' ? 1 : 0;
        expect(rows.map(({ conditioning }) => conditioning.text)).toEqual(['negative', 'prompt'].slice(0, expected));
      }
    }),
  );
});

test('a difference is always kept from, and added to, a feature of the plain model at the same evaluation', () => {
  fc.assert(
    fc.property(cases, (drawn) => {
      for (const { passes } of plansFor(drawn)) {
        const origins = passes.filter(({ adapters, cache }) => adapters.length === 0 && cache?.mode === 'refresh');
        const used = passes.flatMap(({ cache }) => cache?.relativeTo ?? []);
        expect(origins.map(({ cache }) => cache?.key)).toEqual([...new Set(used)]);
      }
    }),
  );
});

test('a cache that is used is never max_age evaluations old or older', () => {
  fc.assert(
    fc.property(cases, (drawn) => {
      const refreshedAt = new Map<string, number>();
      const ages = plansFor(drawn).flatMap(({ passes, summary }) =>
        passes.flatMap(({ cache }) => {
          if (cache?.mode === 'refresh') refreshedAt.set(cache.key, summary.evaluation);
          if (cache?.mode !== 'reuse') return [];
          return summary.evaluation - (refreshedAt.get(cache.key) ?? Number.NEGATIVE_INFINITY);
        }),
      );
      expect(Math.max(0, ...ages)).toBeLessThan(drawn.composition.refresh.max_age);
    }),
  );
});

test('refreshing all is always the same, pass for pass, as a max_age of 1 and as no cut', () => {
  fc.assert(
    fc.property(cases, (drawn) => {
      const { refresh } = drawn.composition;
      const all = plansFor(changed(drawn, { refresh: { ...refresh, policy: 'all' } }));
      expect(plansFor(changed(drawn, { refresh: { ...refresh, max_age: 1 } }))).toEqual(all);
      expect(plansFor(changed(drawn, { cut: 'none' })).map(({ passes }) => passes)).toEqual(
        all.map(({ passes }) => passes),
      );
    }),
  );
});

test('caching never changes who leads or how the votes count', () => {
  fc.assert(
    fc.property(cases, (drawn) => {
      const votesOf = (plans: ReturnType<typeof plansFor>) =>
        plans.map(({ summary }) => [summary.leader, summary.weights]);
      const uncached = changed(drawn, { cut: 'none' });
      expect(votesOf(plansFor(drawn))).toEqual(votesOf(plansFor(uncached)));
    }),
  );
});

test('at c = 1 all votes are always 1/N', () => {
  fc.assert(
    fc.property(cases, (drawn) => {
      const composition = changed(drawn, { weights: { initial: 1, decay: 'none', floor: 1 } });
      const weights = plansFor(composition).flatMap(({ summary }) => summary.weights.map(({ weight }) => weight));
      expect(new Set(weights)).toEqual(new Set([1 / drawn.setup.adapters.length]));
    }),
  );
});

test('at a huge c with one set and no cache, the leader always decides alone and leads in rotation, as Switch does', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 8 }),
      evaluationCount,
      fc.integer({ min: 1, max: 5 }),
      (count, total, length) => {
        // Turns keep their length only where the trajectory has room for two each.
        fc.pre(total >= 2 * count * length);
        const setup = setupOf(adaptersOf(...Array<'high'>(count).fill('high')), total);
        const composition = cmloraOf(setup, {
          turn: { near: length, middle: length },
          weights: { initial: 1e9 },
          cut: 'none',
        });
        plansFor({ setup, composition }).forEach(({ summary }, evaluation) => {
          const active = Math.floor(evaluation / length) % count;
          expect(summary.leader).toBe(setup.adapters[active]?.id);
          expect(summary.weights[active]?.weight).toBeCloseTo(1, 6);
        });
      },
    ),
  );
});

test('every leader of a phase always leads at least two turns where the phase has room for them', () => {
  fc.assert(
    fc.property(cases, ({ setup, composition }) => {
      const single = { setup, composition: { ...composition, direction: 'interleaved' as const } };
      fc.pre(setup.evaluations.length >= 2 * setup.adapters.length);
      const leaders = plansFor(single).map(({ summary }) => summary.leader);
      for (const { id } of setup.adapters) {
        expect(leaders.filter((leader) => leader === id).length).toBeGreaterThanOrEqual(2);
      }
    }),
  );
});

test('the names of adapters never change the plan but for the names', () => {
  fc.assert(
    fc.property(cases, ({ setup, composition }) => {
      const renamed = { ...setup, adapters: setup.adapters.map((adapter) => ({ ...adapter, id: `${adapter.id}!` })) };
      const leaders = plansFor({ setup, composition }).map(({ summary }) => `${summary.leader}!`);
      expect(plansFor({ setup: renamed, composition }).map(({ summary }) => summary.leader)).toEqual(leaders);
    }),
  );
});

test('any cut that the checkpoint has is the cut of every cached pass', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: UNET.levels - 1 }), fc.integer({ min: 1, max: 3 }), (level, layers) => {
      const setup = setupOf(adaptersOf('high', 'low'), 10);
      const plans = plansFor({ setup, composition: cmloraOf(setup, { cut: { level, layers } }) });
      const cuts = plans.flatMap(({ passes }) => passes.map(({ cache }) => cache?.cut));
      expect(cuts).toEqual(cuts.map(() => ({ level, layers })));
    }),
  );
});
