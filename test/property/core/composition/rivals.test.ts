import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planComposition } from '../../../../src/core/composition/index.ts';
import type { ComposedAdapter, CompositionSetup } from '../../../../src/core/composition/method.ts';
import { METHOD_NAMES, type RequestedComposition } from '../../../../src/core/composition/options.ts';
import { foldPatches } from '../../../../src/core/composition/patch-fold.ts';
import { withoutPhrases } from '../../../../src/core/composition/prompt-weights.ts';
import { adaptersOf, compositionOf, plansOf, setupOf } from '../../../support/composition.ts';

/** Laws of the methods over any number of adapters, classes, lengths and weights. */

const classes = fc.array(fc.constantFrom('high' as const, 'low' as const), { minLength: 1, maxLength: 6 });
const evaluationCount = fc.integer({ min: 1, max: 40 });
const weight = fc.double({ min: 0.01, max: 10, noNaN: true });

function plans(requested: RequestedComposition, setup: CompositionSetup) {
  return plansOf(planComposition(compositionOf(requested, setup), setup), setup);
}

const weighted = (adapters: readonly ComposedAdapter[], weights: readonly number[]) =>
  adapters.map(({ id }, index) => ({ id, weight: weights[index] ?? 1 }));

test('w-switch never acts for an adapter out of its share, and closes as it was told', () => {
  fc.assert(
    fc.property(
      classes,
      evaluationCount,
      fc.array(weight),
      fc.nat(9),
      fc.nat(5),
      (kinds, count, weights, tau, last) => {
        const setup = setupOf(adaptersOf(...kinds), count);
        const shares = weighted(setup.adapters, weights);
        const closing = { id: 'a', evaluations: last };
        const leaders = plans({ method: 'w-switch', weights: shares, tau: tau + 1, closing }, setup).map(
          ({ summary }) => summary.leader,
        );
        expect(leaders.slice(Math.max(0, count - last)).every((leader) => leader === 'a')).toBe(true);
        // Within a round the weightiest has tau evaluations, and nobody has more.
        const round = leaders.slice(0, Math.max(0, count - last));
        const most = Math.max(...shares.map((share) => share.weight));
        for (const { id, weight: own } of shares) {
          const longest = longestRun(round, id);
          expect(shares.length === 1 || longest <= Math.max(1, Math.ceil((own / most) * (tau + 1)))).toBe(true);
        }
      },
    ),
  );
});

test('switch-a lets only the high set act before phase_at and only the low set after it, where there are both', () => {
  fc.assert(
    fc.property(
      classes,
      evaluationCount,
      fc.integer({ min: 1, max: 6 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (kinds, count, tau, phaseAt) => {
        fc.pre(new Set(kinds).size === 2);
        const setup = setupOf(adaptersOf(...kinds), count);
        for (const { summary } of plans({ method: 'switch-a', tau, phase_at: phaseAt }, setup)) {
          const kind = setup.adapters.find(({ id }) => id === summary.leader)?.frequencyClass;
          expect(kind).toBe(1 - summary.timestep / 1000 < phaseAt ? 'high' : 'low');
        }
      },
    ),
  );
});

test('w-composite weights are in proportion to what was given, and sum to 1', () => {
  fc.assert(
    fc.property(classes, fc.array(weight), (kinds, weights) => {
      const setup = setupOf(adaptersOf(...kinds), 1);
      const given = weighted(setup.adapters, weights);
      const [plan] = plans({ method: 'w-composite', weights: given }, setup);
      const sum = given.reduce((total, each) => total + each.weight, 0);
      for (const [index, { weight: own }] of (plan?.summary.weights ?? []).entries()) {
        expect(own).toBeCloseTo((given[index]?.weight ?? 0) / sum, 9);
      }
    }),
  );
});

test('a request in another order gives the same passes, whatever folds all LoRAs alike', () => {
  const symmetric = ['merge', 'lorahub', 'composite', 'w-composite', 'delta-composite', 'loratorio-like'] as const;
  fc.assert(
    fc.property(classes, fc.constantFrom(...symmetric), fc.nat(), (kinds, method, turn) => {
      const setup = setupOf(adaptersOf(...kinds), 1);
      const at = turn % kinds.length;
      const turned = [...setup.adapters.slice(at), ...setup.adapters.slice(0, at)];
      const passesOf = (adapters: readonly ComposedAdapter[]) => plans({ method }, { ...setup, adapters })[0]?.passes;
      expect(passesOf(turned)).toEqual(passesOf(setup.adapters));
    }),
  );
});

test('an adapter at weight 0 is as if it were not there, in whatever is run', () => {
  fc.assert(
    fc.property(classes, fc.constantFrom(...METHOD_NAMES), (kinds, method) => {
      const setup = setupOf(adaptersOf(...kinds), 10);
      const [first, ...rest] = setup.adapters;
      if (first === undefined) return;
      const silent = { ...first, weight: { unet: 0, textEncoder: 0 } };
      for (const { passes } of plans({ method }, { ...setup, adapters: [silent, ...rest] })) {
        const used = passes.flatMap(({ adapters, conditioning }) => [...adapters, ...conditioning.adapters]);
        expect(used.every(({ adapter }) => adapter !== first.adapter)).toBe(true);
      }
    }),
  );
});

test('a fold by patches lies between the predictions, cell by cell', () => {
  const side = fc.integer({ min: 1, max: 9 });
  const settings = fc.record({
    patches: fc.integer({ min: 1, max: 12 }),
    temperature: fc.double({ min: 1e-4, max: 1e3, noNaN: true }),
  });
  fc.assert(
    fc.property(
      side,
      side,
      fc.integer({ min: 1, max: 4 }),
      settings,
      fc.nat(),
      (height, width, count, options, seed) => {
        const dims = [1, 3, height, width];
        const tensor = (salt: number) => ({
          dims,
          data: Float32Array.from({ length: 3 * height * width }, (_, index) =>
            Math.sin(salt * 37 + index * (seed + 1)),
          ),
        });
        const predictions = Array.from({ length: count }, (_, index) => tensor(index + 1));
        const folded = foldPatches(tensor(0), predictions, options);
        for (const [index, value] of folded.data.entries()) {
          const values = predictions.map(({ data }) => data[index] ?? Number.NaN);
          expect(value).toBeGreaterThanOrEqual(Math.min(...values) - 1e-6);
          expect(value).toBeLessThanOrEqual(Math.max(...values) + 1e-6);
        }
      },
    ),
  );
});

test('what is left of a prompt holds none of the phrases as words, and nothing that was not there', () => {
  const word = fc.constantFrom('fox', 'red', 'ink', 'a', 'snow');
  fc.assert(
    fc.property(fc.array(fc.array(word, { minLength: 1 })), fc.array(word), (parts, phrases) => {
      const rest = withoutPhrases(parts.map((words) => words.join(' ')).join(','), phrases);
      const left = rest.split(/[ ,]+/).filter((text) => text !== '');
      expect(left).toEqual(parts.flat().filter((text) => !phrases.includes(text)));
    }),
  );
});

function longestRun(leaders: readonly (string | null)[], id: string): number {
  let [longest, current] = [0, 0];
  for (const leader of leaders) {
    current = leader === id ? current + 1 : 0;
    longest = Math.max(longest, current);
  }
  return longest;
}
