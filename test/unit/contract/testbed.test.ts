import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseTestbed, setsOf } from '../../../src/contract/testbed.ts';
import { InputError } from '../../../src/core/problem.ts';
import { everySet, planEvaluation, requestOf } from '../../../src/evaluation/plan-evaluation.ts';
import { tinyTestbed } from '../../support/tiny-testbed.ts';

const ROOT = join(import.meta.dirname, '../../..');
const read = (path: string) => parseTestbed(JSON.parse(readFileSync(join(ROOT, path), 'utf8')), path);

function problemsOf(change: object): readonly string[] {
  try {
    parseTestbed({ ...tinyTestbed(), ...change }, 'tiny.json');
    return [];
  } catch (error) {
    if (error instanceof InputError) return error.problems.map(({ message }) => message);
    throw error;
  }
}

test('everything that is wrong with its form is said at once', () => {
  const { title: _, ...rest } = tinyTestbed();
  const broken = { ...rest, picture: { ...rest.picture, steps: 0 }, colour: 'red' };
  expect(() => parseTestbed(broken, 'tiny.json')).toThrow(
    /steps is 0; must be an integer from 1 to 150.*colour is not a field.*title is missing/,
  );
});

test('names that mean nothing, and names that mean two things, are refused', () => {
  const { methods, loras } = tinyTestbed();
  expect(
    problemsOf({
      methods: [...methods, methods[1]],
      baseline: 'merge',
      claims: { subject: 'best', rivals: ['switch'] },
    }),
  ).toEqual([
    'tiny.json: methods has "merge" more than once',
    'tiny.json: baseline is "merge"; must be one of none',
    'tiny.json: claims is "best"; must be one of none, merge, switch, cmlora, merge',
  ]);
  expect(problemsOf({ loras: [...loras, loras[0]] })).toEqual([
    'tiny.json: loras has "kohya-attention-r4" more than once',
  ]);
  expect(problemsOf({ sets: { list: [['nobody']] } })[0]).toMatch(/sets\.list\[0\] is "nobody"; must be one of kohya/);
});

test('sets are either listed or made by the rule', () => {
  expect(problemsOf({ sets: {} })).toEqual(['tiny.json: sets must have either sizes or a list']);
  expect(problemsOf({ sets: { sizes: [2, 9] } })).toEqual([
    'tiny.json: sets.sizes has 9, of which these LoRAs make no set',
  ]);
});

describe.each(['demo/testbed.json', ...readdirSync(join(ROOT, 'testbeds')).map((name) => `testbeds/${name}`)])(
  '%s',
  (path) => {
    const testbed = read(path);

    test('has 24, 72, 96 and 48 sets, a quarter of each for tuning', () => {
      const sets = everySet(testbed);
      const count = (size: number, isTuning: boolean) =>
        sets.filter((set) => set.loras.length === size && set.isTuning === isTuning).length;
      expect([2, 3, 4, 5].map((size) => [count(size, false), count(size, true)])).toEqual([
        [18, 6],
        [54, 18],
        [72, 24],
        [36, 12],
      ]);
    });

    test('has a request for every method and set that asks for nothing unknown', () => {
      const plan = planEvaluation(testbed, {
        group: undefined,
        methods: testbed.methods.map(({ name }) => name),
        part: 'all',
        sizes: undefined,
        setsPerSize: 2,
        seeds: 1,
      });
      for (const method of plan.methods) {
        for (const set of plan.sets) {
          const weights = new Map([[set.id, set.loras.map(({ id }) => ({ id, weight: 0.5 }))]]);
          const request = requestOf(
            testbed,
            set,
            { method, seed: 3 },
            method.weights === undefined ? undefined : weights,
          );
          expect(request.seed).toBe(set.firstSeed + 3);
          expect(request.loras).toHaveLength(method.loras === 'none' ? 0 : set.loras.length);
        }
      }
    });
  },
);

test('the demo testbed has true renderings of every set', () => {
  const strips = readdirSync(join(ROOT, 'demo/true')).sort();
  expect(
    setsOf(read('demo/testbed.json'))
      .map((set) => `${set.join('+')}.webp`)
      .sort(),
  ).toEqual(strips);
});

test("ComposLoRA's prompt is its prefix and all triggers in order", () => {
  const testbed = read('testbeds/composlora-anime.json');
  const [set] = everySet(testbed).filter(({ id }) => id === 'character_1+object_2');
  const method = testbed.methods.find(({ name }) => name === 'w_switch');
  if (set === undefined || method === undefined) throw new Error('the testbed has both');
  const { prompt, loras, composition } = requestOf(testbed, set, { method, seed: 0 }, undefined);
  expect(prompt).toBe(
    'masterpiece, best quality, kamado nezuko, black hair, pink eyes, forehead, toast, toast in mouth',
  );
  expect(loras?.map(({ id, weight }) => [id, weight])).toEqual([
    ['character_1', 0.8],
    ['object_2', 0.8],
  ]);
  expect(composition).toMatchObject({
    triggers: [{ id: 'character_1' }, { id: 'object_2', phrases: ['toast', 'toast in mouth'] }],
  });
});
