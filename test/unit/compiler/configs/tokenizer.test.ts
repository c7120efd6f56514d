import { expect, test } from 'vitest';
import { parseTokenizer } from '../../../../src/compiler/configs/tokenizer.ts';

const VOCABULARY = { a: 0, b: 1, 'ab</w>': 2, '<|startoftext|>': 3, '<|endoftext|>': 4 };
const FILES = { vocabulary: VOCABULARY, merges: '#version: 0.2\na b</w>\nab </w>\n', specialTokens: {} };
const TEXT_ENCODER = { vocabularySize: 5, positions: 77 };

const messages = (changes: object) =>
  parseTokenizer({ ...FILES, ...changes }, TEXT_ENCODER).problems.map((problem) => problem.message);

test('merges keep their order and lose their heading', () => {
  const { value, problems } = parseTokenizer(FILES, TEXT_ENCODER);
  expect(problems).toEqual([]);
  expect(value).toEqual({ vocabulary: VOCABULARY, merges: ['a b</w>', 'ab </w>'], positions: 77 });
});

test('CLIP pads with the end of text, written either way', () => {
  expect(messages({ specialTokens: { pad_token: '<|endoftext|>' } })).toEqual([]);
  expect(messages({ specialTokens: { pad_token: { content: '<|endoftext|>' } } })).toEqual([]);
  expect(messages({ specialTokens: { pad_token: { content: '!' } } })).toEqual([
    'tokenizer/special_tokens_map.json: pad_token is "!"; must be "<|endoftext|>"',
  ]);
});

test('an id that the text encoder has no row for is refused', () => {
  expect(messages({ vocabulary: { ...VOCABULARY, c: 5, d: 'x' } })).toEqual([
    'tokenizer/vocab.json: 2 tokens, "c" among them, have ids outside 0 to 4',
  ]);
});

test('a vocabulary without the special tokens is refused', () => {
  expect(messages({ vocabulary: { a: 0 } })).toHaveLength(2);
});

test('a line that is no pair is refused', () => {
  expect(messages({ merges: 'a b\nabc\n' })).toEqual([
    'tokenizer/merges.txt: "abc" is no merge; must be two pieces with a space between',
  ]);
});
