import { expect, test } from 'vitest';
import { parseTestbed } from '../../../src/contract/testbed.ts';
import {
  everySet,
  planEvaluation,
  plannedPictures,
  requestOf,
  type Selection,
  triggersOf,
} from '../../../src/evaluation/plan-evaluation.ts';
import { tinyTestbed } from '../../support/tiny-testbed.ts';

const testbed = parseTestbed({ ...tinyTestbed(), tuning: { share: 0.5, seed: 3 } }, 'tiny.json');
const everything: Selection = {
  group: undefined,
  methods: undefined,
  part: undefined,
  sizes: undefined,
  setsPerSize: undefined,
  seeds: undefined,
};
const plan = (selection: Partial<Selection> = {}) => planEvaluation(testbed, { ...everything, ...selection });
const idsOf = (selection: Partial<Selection>) => plan(selection).sets.map(({ id }) => id);

test('tuning and held-out sets are all sets, and none is both', () => {
  const [tuning, heldOut, all] = (['tuning', 'held_out', 'all'] as const).map((part) => idsOf({ part }));
  expect([...(tuning ?? []), ...(heldOut ?? [])].sort()).toEqual([...(all ?? [])].sort());
  expect(tuning).toHaveLength(3);
});

test('a smaller choice is always a part of a larger one', () => {
  const few = idsOf({ setsPerSize: 1 });
  const more = idsOf({ setsPerSize: 2 });
  expect(few).toHaveLength(2);
  expect(more).toEqual(expect.arrayContaining(few));
  const pictures = (selection: Partial<Selection>) =>
    plannedPictures(plan(selection)).map(
      ({ set, seed, method }) => `${plan(selection).sets[set]?.id} ${seed} ${method.name}`,
    );
  expect(pictures({ seeds: 2 })).toEqual(expect.arrayContaining(pictures({ seeds: 1, sizes: [2] })));
});

test('all methods of a set and noise are drawn one after the other', () => {
  expect(
    plannedPictures(plan({ sizes: [3] }))
      .slice(0, 5)
      .map(({ set, seed, method }) => [set, seed, method.name]),
  ).toEqual([
    [0, 0, 'none'],
    [0, 0, 'merge'],
    [0, 0, 'switch'],
    [0, 0, 'cmlora'],
    [1, 0, 'none'],
  ]);
});

test('methods start from one noise, and no two sets share one', () => {
  const [first, second] = everySet(testbed);
  const [none, merge] = testbed.methods;
  if (first === undefined || second === undefined || none === undefined || merge === undefined) throw new Error('tiny');
  const seedOf = (set: typeof first, method: typeof none, seed: number) =>
    requestOf(testbed, set, { method, seed }, undefined).seed;
  expect(seedOf(first, none, 1)).toBe(seedOf(first, merge, 1));
  expect(seedOf(second, none, 0)).toBeGreaterThan(Number(seedOf(first, none, 63)));
});

test('the method without LoRAs and references are drawn even if nobody asks for them', () => {
  expect(plan({ methods: ['cmlora'] }).methods.map(({ name }) => name)).toEqual(['none', 'merge', 'cmlora']);
});

test('every name that the testbed does not have is refused', () => {
  expect(() => plan({ group: 'odd', methods: ['merge', 'best'], sizes: [7] })).toThrow(
    /--group names odd; the testbed has headline.*--methods names best.*--sizes names 7; the testbed has 2, 3/,
  );
});

test('weights that were found for other sets are no weights', () => {
  const [set] = everySet(testbed);
  const method = { name: 'lorahub', group: 'headline', composition: { method: 'lorahub' }, weights: 'found.json' };
  if (set === undefined) throw new Error('tiny');
  expect(() => requestOf(testbed, set, { method, seed: 0 }, new Map())).toThrow(
    `found.json has no weights for the set ${set.id}`,
  );
});

test('pictures are compared with the triggers alone', () => {
  expect(triggersOf({ loras: testbed.loras.slice(0, 2) })).toBe('red fox, blue coat');
});
