import { createHash } from 'node:crypto';
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

test("sets and their order are those of the authors' generate_combinations", () => {
  // Run at cac122a on their anime_lora_info.json: its sets of 2 to 5, a line each, ids joined by +.
  const fromTheirs = 'cfd6f685fec9f07174fbcb36b2c4e9c8dcef9f5ed0697d8eaf3d40b7b18eb6b6';
  const lines = [2, 3, 4, 5].flatMap((size) => setsByRule(eleven, size)).map((set) => set.join('+'));
  expect(createHash('sha256').update(lines.join('\n')).digest('hex')).toBe(fromTheirs);
});
