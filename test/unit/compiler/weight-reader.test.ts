import { expect, test } from 'vitest';
import { createWeightReader, type WeightReaderOptions } from '../../../src/compiler/weight-reader.ts';

type Tensor = readonly [name: string, dtype: string, dims: readonly number[]];

function reader(tensors: readonly Tensor[], options: Omit<WeightReaderOptions, 'weights'> = {}) {
  const entries = tensors.map(
    ([name, dtype, dims]) => [name, { name, dtype, dims, file: 'blobs/abc', start: 100, end: 200 }] as const,
  );
  const weights = { subject: 'unet/weights.safetensors', entries: new Map(entries) };
  const made = createWeightReader({ weights, ...options });
  return { ...made, messages: () => made.problems().map((problem) => problem.message) };
}

test('a weight takes the dimensions of its use where they differ by ones from those of the file', () => {
  const weights = reader([
    ['proj', 'F32', [4, 5, 1, 1]],
    ['norm', 'F32', [4]],
  ]);
  expect(weights.find('proj', [4, 5]).dims).toEqual([4, 5]);
  expect(weights.find('norm', [4, 1, 1]).dims).toEqual([4, 1, 1]);
  expect(weights.problems()).toEqual([]);
});

test('a weight is found under the name that the file uses', () => {
  const weights = reader([['old', 'F32', [1]]], { storedName: () => 'old' });
  expect(weights.find('new', [1]).name).toBe('old');
  expect(weights.used()).toHaveLength(1);
});

test('weights that are missing, of another shape or no floats are refused together', () => {
  const weights = reader([
    ['b', 'F32', [5, 4]],
    ['c', 'I64', [4]],
  ]);
  weights.find('a', [3]);
  weights.find('b', [4, 5]);
  weights.find('c', [4]);
  expect(weights.messages()).toEqual([
    'unet/weights.safetensors: a is missing; must be [3]',
    'unet/weights.safetensors: b is [5,4]; must be [4,5] by the config',
    'unet/weights.safetensors: c is of type I64; must be one of F32, F16, BF16',
  ]);
});

test('a weight that nobody used is refused where its part of the file must be used whole', () => {
  const tensors: readonly Tensor[] = [
    ['decoder.a', 'F32', [1]],
    ['decoder.b', 'F32', [1]],
    ['encoder.a', 'F32', [1]],
  ];
  const weights = reader(tensors, { wholeParts: ['decoder.'] });
  weights.find('decoder.a', [1]);
  expect(weights.messages()).toEqual([
    'unet/weights.safetensors: decoder.b belongs to no layer that the config describes',
  ]);
  expect(reader(tensors, { wholeParts: [''] }).messages()).toHaveLength(3);
  expect(reader(tensors).messages()).toEqual([]);
});

test('a few of 700 problems stand for all', () => {
  const weights = reader([]);
  for (let index = 0; index < 700; index++) weights.find(`w${index}`, [1]);
  expect(weights.messages()).toHaveLength(13);
  expect(weights.messages().at(-1)).toBe('unet/weights.safetensors: 688 more weights do not fit');
});
