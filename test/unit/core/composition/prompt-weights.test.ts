import { expect, test } from 'vitest';
import {
  meanOverPositions,
  promptWeights,
  weighingsOf,
  withEqualWeights,
  withoutPhrases,
} from '../../../../src/core/composition/prompt-weights.ts';

const TRIGGERS = [
  { id: 'fox', phrases: ['red fox'] },
  { id: 'ink', phrases: ['ink wash', 'brush'] },
  { id: 'silent', phrases: [] },
];

test.each([
  ['a Red Fox, ink wash, snow', ['red fox'], 'a, ink wash, snow'],
  ['a foxglove, fox, fox2, fox_3, fox', ['fox'], 'a foxglove, fox2, fox_3'],
  ['  snow ,,  red   fox  ,', ['red   fox'], 'snow'],
  ['c++ (draft), a.b', ['c++ (draft)', 'a.b'], ''],
  ['Füchse, über', ['uchse', 'über'], 'Füchse'],
])('%j without %j is %j', (text, phrases, expected) => {
  expect(withoutPhrases(text, phrases)).toBe(expected);
});

test('w-switch encodes the prompt without the phrases of each, and knows the rest without encoding', () => {
  expect(weighingsOf('w-switch', 'a red fox, ink wash, snow', TRIGGERS)).toEqual([
    { text: 'a, ink wash, snow' },
    { text: 'a red fox, snow' },
    { weight: 0.1 },
  ]);
  expect(weighingsOf('w-switch', 'a red fox, sea', TRIGGERS.slice(0, 1))).toEqual([{ text: 'a, sea' }]);
  expect(weighingsOf('w-switch', 'red fox, sea', TRIGGERS.slice(0, 1))).toEqual([{ weight: 2 }]);
});

test('w-composite encodes the phrases of each', () => {
  expect(weighingsOf('w-composite', 'a red fox', TRIGGERS)).toEqual([
    { text: 'red fox' },
    { text: 'ink wash, brush' },
    { weight: 0 },
  ]);
});

const [ALONG, ACROSS, BETWEEN] = [Float64Array.of(2, 0), Float64Array.of(0, 3), Float64Array.of(3, 4)];

test('w-switch weighs by what is lost, w-composite by what is there; both sum to 1', () => {
  const encoded = { prompt: ALONG, weighings: [ACROSS, BETWEEN, 0.1] };
  const weights = (method: 'w-switch' | 'w-composite') =>
    promptWeights(method, TRIGGERS, encoded).map(({ id, weight }) => [id, Number(weight.toFixed(6))]);
  // 1 - cos: 1 and 0.4, and the third's own 0.1.
  expect(weights('w-switch')).toEqual([
    ['fox', 0.666667],
    ['ink', 0.266667],
    ['silent', 0.066667],
  ]);
  // cos: 0 and 0.6.
  expect(weights('w-composite')).toEqual([
    ['fox', 0],
    ['ink', 0.857143],
    ['silent', 0.142857],
  ]);
});

test('an adapter without which the prompt means the same keeps a little, and one that means the opposite nothing', () => {
  const [, ink] = promptWeights('w-switch', TRIGGERS, { prompt: ALONG, weighings: [ACROSS, ALONG, 0.95] });
  expect(ink?.weight).toBeCloseTo(0.05 / 2, 12);
  const [fox] = promptWeights('w-composite', TRIGGERS, {
    prompt: ALONG,
    weighings: [Float64Array.of(-1, 0), ALONG, 0],
  });
  expect(fox?.weight).toBe(0);
});

test('where the prompt says nothing of anybody all count alike', () => {
  const weights = promptWeights('w-composite', TRIGGERS, { prompt: ALONG, weighings: [0, 0, 0] });
  expect(weights.map(({ weight }) => weight)).toEqual([1 / 3, 1 / 3, 1 / 3]);
});

test('a text stands for the mean over its positions', () => {
  expect([...meanOverPositions({ dims: [1, 2, 3], data: Float32Array.of(1, 2, 3, 5, 6, 9) })]).toEqual([3, 4, 6]);
});

test('equal weights are put where the prompt would decide, and nowhere else', () => {
  const open = { method: 'w-composite', triggers: TRIGGERS, weights: null, text_encoder: 'own' } as const;
  expect(withEqualWeights(open)).toMatchObject({ weights: TRIGGERS.map(({ id }) => ({ id, weight: 1 / 3 })) });
  const given = { ...open, weights: [{ id: 'fox', weight: 1 }] };
  expect(withEqualWeights(given)).toBe(given);
  const merge = { method: 'merge', scale: 1, text_encoder: 'all' } as const;
  expect(withEqualWeights(merge)).toBe(merge);
});
