import { expect, test } from 'vitest';
import type { SwitchAComposition } from '../../../../src/core/composition/options.ts';
import { planSwitchA } from '../../../../src/core/composition/switch-a.ts';
import { adaptersOf, plansOf, setupOf } from '../../../support/composition.ts';

function leaders(options: Partial<SwitchAComposition>, classes: readonly ('high' | 'low')[], evaluations: number) {
  const setup = setupOf(adaptersOf(...classes), evaluations);
  const composition = { method: 'switch-a', tau: 2, phase_at: 0.6, text_encoder: 'own', ...options } as const;
  return plansOf(planSwitchA(composition, setup), setup)
    .map(({ summary }) => summary.leader)
    .join('');
}

test('the high set takes turns, and from phase_at on the low set, each from its beginning', () => {
  expect(leaders({}, ['low', 'high', 'high', 'low'], 10)).toBe('bbccbbaadd');
  expect(leaders({ tau: 3 }, ['low', 'high', 'high', 'low'], 10)).toBe('bbbcccaaad');
});

test('phase_at is a fraction of the trajectory, and 0 and 1 leave it to one set', () => {
  expect(leaders({ phase_at: 0.3 }, ['high', 'low'], 10)).toBe('aaabbbbbbb');
  expect(leaders({ phase_at: 0 }, ['high', 'low'], 4)).toBe('bbbb');
  expect(leaders({ phase_at: 1 }, ['high', 'low'], 4)).toBe('aaaa');
});

test('with one set all take turns to the end', () => {
  expect(leaders({}, ['low', 'low', 'low'], 10)).toBe('aabbccaabb');
});

test('with two adapters tau counts as with more', () => {
  expect(leaders({ tau: 4 }, ['high', 'high'], 10)).toBe('aaaabbbbaa');
});
