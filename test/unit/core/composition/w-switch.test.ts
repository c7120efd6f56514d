import { expect, test } from 'vitest';
import type { WSwitchComposition } from '../../../../src/core/composition/options.ts';
import { planWSwitch } from '../../../../src/core/composition/w-switch.ts';
import { adaptersOf, plansOf, setupOf } from '../../../support/composition.ts';

const ADAPTERS = adaptersOf('high', 'high', 'low');

function leaders(weights: readonly number[], options: Partial<WSwitchComposition>, evaluations: number): string {
  const setup = setupOf(ADAPTERS, evaluations);
  const composition: WSwitchComposition = {
    method: 'w-switch',
    triggers: [],
    weights: ADAPTERS.map(({ id }, index) => ({ id, weight: weights[index] ?? 0 })),
    tau: 4,
    closing: { id: 'a', evaluations: 0 },
    text_encoder: 'own',
    ...options,
  };
  return plansOf(planWSwitch(composition, setup), setup)
    .map(({ summary }) => summary.leader)
    .join('');
}

test('the weightiest acts for tau evaluations and the others in proportion, round and round', () => {
  expect(leaders([0.5, 0.25, 0.25], {}, 12)).toBe('aaaabbccaaaa');
});

test('a half is rounded to the even number, as in Python', () => {
  // 4 * 0.625 = 2.5 and 4 * 0.875 = 3.5.
  expect(leaders([1, 0.625, 0.875], {}, 10)).toBe('aaaabbcccc');
});

test('nobody is left out, however light', () => {
  expect(leaders([1, 0.001, 0], {}, 6)).toBe('aaaabc');
});

test('the last evaluations belong to the closing adapter', () => {
  expect(leaders([0.5, 0.25, 0.25], { closing: { id: 'b', evaluations: 3 } }, 10)).toBe('aaaabbcbbb');
});

test('weights that nobody has found are a mistake of the program', () => {
  const setup = setupOf(ADAPTERS, 2);
  const composition = { method: 'w-switch', triggers: [], weights: null, tau: 1, text_encoder: 'own' } as const;
  expect(() => planWSwitch({ ...composition, closing: { id: null, evaluations: 1 } }, setup)).toThrow(/weights/);
});
