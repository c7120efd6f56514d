import { expect, test } from 'vitest';
import { readConfig } from '../../../../src/compiler/configs/config-reader.ts';

const messages = (reader: ReturnType<typeof readConfig>) => reader.problems.map((problem) => problem.message);

test('a key that is missing or null takes the default', () => {
  const reader = readConfig({ width: null }, 'config.json');
  expect(reader.count('width', 7)).toBe(7);
  expect(reader.flag('bias', true)).toBe(true);
  expect(reader.counts('channels', [1, 2])).toEqual([1, 2]);
  expect(reader.problems).toEqual([]);
});

test('every wrong value is named with what is allowed, and reading goes on', () => {
  const reader = readConfig(
    { width: 0, eps: 'small', bias: 1, channels: [4, -1], act: 'mish', blocks: ['A', 'C'] },
    'config.json',
  );
  reader.count('width', 7);
  reader.number('eps', 1);
  reader.flag('bias', true);
  reader.counts('channels', [1]);
  reader.choice('act', ['silu', 'gelu'], 'silu');
  reader.choices('blocks', ['A', 'B'], ['A']);
  expect(messages(reader)).toEqual([
    'config.json: width is 0; must be a whole number from 1',
    'config.json: eps is "small"; must be a number',
    'config.json: bias is 1; must be true or false',
    'config.json: channels is [4,-1]; must be a list of whole numbers from 1',
    'config.json: act is "mish"; must be "silu" or "gelu"',
    'config.json: blocks is ["A","C"]; must be a list of "A" or "B"',
  ]);
});

test('a key with one implemented value may be missing, and may not be anything else', () => {
  const reader = readConfig({ norm: 'spatial', up: null }, 'config.json');
  reader.only({ norm: 'default', up: null, down: 1 });
  expect(messages(reader)).toEqual(['config.json: norm is "spatial"; must be "default"']);
});

test('a key that nobody reads is refused where it is set', () => {
  const reader = readConfig({ _class_name: 'X', width: 1, off: false, none: null, brand_new: 3 }, 'config.json');
  reader.ignore('width');
  reader.refuseUnknown();
  expect(messages(reader)).toEqual(['config.json: brand_new is 3; this key is not supported']);
});
