import { expect, test } from 'vitest';
import { conceptScores } from '../../../../src/core/evaluation/concept-scores.ts';

const bear = {
  id: 'bear',
  fixes: { species: 'bear', fur: 'brown' },
  habits: { garment: 'scarf', background: 'forest' },
  hides: ['crest'],
};
const robe = { id: 'robe', fixes: {}, habits: { crest: 'crown', background: 'city' }, hides: ['garment'] };
const wash = { id: 'wash', fixes: {}, habits: {}, hides: ['fur'] };

const see = (concepts: readonly string[], slots: Readonly<Record<string, string>> = {}) => ({
  concepts: new Set(concepts),
  slots: { species: 'bear', fur: 'brown', garment: 'dress', background: 'forest', crest: 'none', ...slots },
});

test('counts the concepts of the set, and those of nobody', () => {
  expect(conceptScores([bear, robe], see(['bear', 'lantern']))).toMatchObject({ found: 1, wanted: 2, strangers: 1 });
});

test('a habit leaks where it shows in a slot that the set leaves open', () => {
  // Of the bear alone: scarf does not show, forest does.
  expect(conceptScores([bear], see([])).leakage).toBe(0.5);
  // The robe covers the garment and the bear the crest; the place is open, and one of the two habits of it shows.
  expect(conceptScores([bear, robe], see([])).leakage).toBe(0.5);
  expect(conceptScores([bear, robe], see([], { background: 'snow' })).leakage).toBe(0);
});

test('what a concept fixes is bound where it shows, unless another covers it', () => {
  expect(conceptScores([bear], see([], { fur: 'white' })).binding).toBe(0.5);
  expect(conceptScores([bear, wash], see([], { fur: 'white' })).binding).toBe(1);
});

test('where there is nothing to see, nothing is said', () => {
  expect(conceptScores([wash], see([]))).toMatchObject({ leakage: null, binding: null });
  expect(conceptScores([bear], { concepts: new Set(), slots: {} })).toMatchObject({ leakage: null, binding: null });
});
