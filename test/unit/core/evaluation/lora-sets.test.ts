import { expect, test } from 'vitest';
import { setsByRule } from '../../../../src/core/evaluation/lora-sets.ts';

/** ComposLoRA's eleven: three characters, two each of four other categories. */
const eleven = [
  ...[1, 2, 3].map((n) => ({ id: `character_${n}`, category: 'character' })),
  ...['clothing', 'style', 'background', 'object'].flatMap((category) =>
    [1, 2].map((n) => ({ id: `${category}_${n}`, category })),
  ),
];

test('eleven LoRAs make 24, 72, 96 and 48 sets, as the paper has them', () => {
  expect([2, 3, 4, 5].map((size) => setsByRule(eleven, size).length)).toEqual([24, 72, 96, 48]);
  expect(setsByRule(eleven, 1)).toEqual([['character_1'], ['character_2'], ['character_3']]);
  expect(setsByRule(eleven, 6)).toEqual([]);
});

test('a set has one character, first, and no two LoRAs of a category', () => {
  for (const set of [2, 3, 4, 5].flatMap((size) => setsByRule(eleven, size))) {
    const categories = set.map((id) => id.split('_')[0]);
    expect(categories[0]).toBe('character');
    expect(new Set(categories).size).toBe(set.length);
  }
});

test('no set comes twice', () => {
  const all = [2, 3, 4, 5].flatMap((size) => setsByRule(eleven, size)).map((set) => set.join());
  expect(new Set(all).size).toBe(240);
});

test("the order is that of the authors' generate_combinations", () => {
  // Its first and last combinations of three, as Python's itertools gives them.
  const sets = setsByRule(eleven, 3);
  expect(sets.slice(0, 5)).toEqual([
    ['character_1', 'clothing_1', 'style_1'],
    ['character_1', 'clothing_1', 'style_2'],
    ['character_1', 'clothing_2', 'style_1'],
    ['character_1', 'clothing_2', 'style_2'],
    ['character_2', 'clothing_1', 'style_1'],
  ]);
  expect(sets.at(-1)).toEqual(['character_3', 'background_2', 'object_2']);
});
