import { expect, test } from 'vitest';
import { InputError } from '../../../../src/core/problem.ts';
import type { SafetensorsHeader } from '../../../../src/core/safetensors/header.ts';
import { joinShards, parseShardIndex, SHARDS_MAX } from '../../../../src/core/safetensors/shards.ts';

const A = 'model-00001-of-00002.safetensors';
const B = 'model-00002-of-00002.safetensors';

function header(...names: readonly string[]): SafetensorsHeader {
  const entries = names.map((name) => [name, { name, dtype: 'F32', dims: [1], start: 8, end: 12 }] as const);
  return { entries: new Map(entries), metadata: {} };
}

function messagesOf(action: () => unknown): readonly string[] {
  try {
    action();
  } catch (error) {
    if (error instanceof InputError) return error.problems.map(({ message }) => message);
    throw error;
  }
  return [];
}

test('each weight is in the file that the index names', () => {
  const index = parseShardIndex({ metadata: {}, weight_map: { x: A, y: B } }, 'index');
  const headers = new Map([
    [A, header('x')],
    [B, header('y')],
  ]);
  const joined = joinShards(index, headers, 'index');
  expect([...joined].map(([name, { file }]) => [name, file])).toEqual([
    ['x', A],
    ['y', B],
  ]);
});

test.each([
  [{}, 'missing'],
  [{ weight_map: null }, 'null'],
  [{ weight_map: ['x'] }, '["x"]'],
  [{ weight_map: 'x' }, '"x"'],
])('an index without a map of weights is refused: %j', (json, shown) => {
  expect(messagesOf(() => parseShardIndex(json, 'index'))).toEqual([
    `index: weight_map is ${shown}; must map the names of weights to file names`,
  ]);
});

test('an index that names nothing is refused', () => {
  expect(messagesOf(() => parseShardIndex({ weight_map: {} }, 'index'))).toEqual([
    'index: weight_map names 0 weights; must name 1 to 20000',
  ]);
});

test.each([
  '../x.safetensors',
  'unet/x.safetensors',
  '..\\x.safetensors',
  '/x.safetensors',
  '.safetensors',
  'x\0.safetensors',
  'index.json',
  '',
  3,
  null,
  ['x.safetensors'],
])('an index leads to no other place and to no other index: %j', (file) => {
  const [message] = messagesOf(() => parseShardIndex({ weight_map: { x: A, y: file } }, 'index'));
  expect(message).toBe(
    `index: weight_map names the file ${JSON.stringify(file)}; must be a .safetensors file in the folder of the index`,
  );
});

test('an index of more files than a model has is refused', () => {
  const map = Object.fromEntries(Array.from({ length: SHARDS_MAX + 1 }, (_, n) => [`w${n}`, `${n}.safetensors`]));
  expect(messagesOf(() => parseShardIndex({ weight_map: map }, 'index'))).toEqual([
    'index: weight_map names 1001 files; must be at most 1000',
  ]);
});

test('weights that lie elsewhere, are unknown to the index or are missing are refused together', () => {
  const index = new Map([
    ['x', A],
    ['y', B],
    ['z', B],
  ]);
  const headers = new Map([
    [A, header('x', 'y')],
    [B, header('stranger')],
  ]);
  expect(messagesOf(() => joinShards(index, headers, 'index'))).toEqual([
    `index: ${A} holds y, which the index has in ${B}`,
    `index: ${B} holds stranger, which the index lacks`,
    `index: ${B} does not hold y`,
    `index: ${B} does not hold z`,
  ]);
});

test('a few of many faults stand for all', () => {
  const names = Array.from({ length: 50 }, (_, n) => `w${n}`);
  const messages = messagesOf(() => joinShards(new Map([['x', A]]), new Map([[A, header('x', ...names)]]), 'index'));
  expect(messages).toHaveLength(9);
  expect(messages.at(-1)).toBe('index: has 42 more faults of this kind');
});
