import { expect, test } from 'vitest';
import { planSwitch } from '../../../../src/core/composition/switch.ts';
import { adaptersOf, plansOf, setupOf } from '../../../support/composition.ts';

const ADAPTERS = adaptersOf('low', 'high', 'high');

test('each adapter acts for tau evaluations, in request order, round and round', () => {
  const setup = setupOf(ADAPTERS, 8);
  const plans = plansOf(planSwitch({ method: 'switch', tau: 2, text_encoder: 'own' }, setup), setup);
  expect(plans.map(({ summary }) => summary.leader).join('')).toBe('aabbccaa');
  expect(plans.map(({ passes }) => passes[0]?.adapters[0]?.adapter.at(-1)).join('')).toBe('aabbccaa');
  expect(plans[2]?.summary).toMatchObject({
    weights: [
      { id: 'a', weight: 0 },
      { id: 'b', weight: 1 },
      { id: 'c', weight: 0 },
    ],
    full: ['b'],
    reuse: [],
  });
});

test('a turn counts evaluations of the model, not denoising steps', () => {
  const evaluations = [0, 1, 2, 3].map((index) => ({ index, step: Math.floor(index / 2), timestep: 999 - index }));
  const setup = setupOf(ADAPTERS, 4, { evaluations });
  const plans = plansOf(planSwitch({ method: 'switch', tau: 1, text_encoder: 'own' }, setup), setup);
  expect(plans.map(({ summary }) => summary.leader)).toEqual(['a', 'b', 'c', 'a']);
});

test.each([
  ['own', ['sha-b']],
  ['all', ['sha-a', 'sha-b', 'sha-c']],
  ['first', ['sha-a']],
  ['none', []],
] as const)('text_encoder %s says which adapters act on the text of the second one', (policy, expected) => {
  const setup = setupOf(ADAPTERS, 2);
  const plans = plansOf(planSwitch({ method: 'switch', tau: 1, text_encoder: policy }, setup), setup);
  const [negative, prompt] = plans[1]?.passes ?? [];
  expect(negative?.conditioning.adapters.map(({ adapter }) => adapter)).toEqual(expected);
  expect(prompt?.conditioning.adapters).toEqual(negative?.conditioning.adapters);
});
