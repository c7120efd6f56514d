import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { createClipTokenizer } from '../../src/engine/clip-tokenizer.ts';
import { goldenJson } from '../support/golden-data.ts';

/** Against transformers' CLIPTokenizer: every id, over CLIP's real vocabulary and over the short one of the golden checkpoint. */

interface TokenCases {
  readonly length: number;
  readonly pad_id: number;
  /** Ids are not padded. */
  readonly cases: readonly { readonly prompt: string; readonly ids: readonly number[] }[];
}

const GOLDEN = import.meta.dirname;
const START = '<|startoftext|>';
const END = '<|endoftext|>';

describe.each([
  ['the real vocabulary', 'tokens.json', realVocabulary()],
  ["the checkpoint's vocabulary", 'tokens-small.json', checkpointVocabulary()],
])('token ids over %s', (_, file, { vocabulary, merges }) => {
  const expected = goldenJson(file) as TokenCases;
  const tokenize = createClipTokenizer({ vocabulary, merges, positions: expected.length });

  test("equal transformers' for every prompt", () => {
    expect(expected.cases.length).toBeGreaterThanOrEqual(200);
    for (const { prompt, ids } of expected.cases) {
      const padding = new Array<number>(expected.length - ids.length).fill(expected.pad_id);
      expect({ prompt, ids: tokenize(prompt).ids }).toEqual({ prompt, ids: [...ids, ...padding] });
    }
  });

  test('say that text was cut off exactly where it was', () => {
    const exact = 'a '.repeat(expected.length - 2);

    expect(tokenize(exact).truncated).toBe(false);
    expect(tokenize(`${exact}a`).truncated).toBe(true);
  });
});

/** clip/README.md: 256 byte symbols, the same with `</w>`, the merges joined, start and end, in the order of their ids. */
function realVocabulary() {
  const packed = readFileSync(join(GOLDEN, 'clip/bpe_simple_vocab_16e6.txt.gz'));
  const merges = gunzipSync(packed).toString('utf8').split('\n').slice(1, 48_895);
  const symbols = byteSymbols();
  const tokens = [
    ...symbols,
    ...symbols.map((symbol) => `${symbol}</w>`),
    ...merges.map((merge) => merge.replace(' ', '')),
    START,
    END,
  ];
  return { merges, vocabulary: Object.fromEntries(tokens.map((token, id) => [token, id])) };
}

/** One printable character for each byte, printable bytes first, the rest from U+0100. */
function byteSymbols(): readonly string[] {
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  const isPrintable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  const printable = bytes.filter(isPrintable).map((byte) => String.fromCharCode(byte));
  return [...printable, ...Array.from({ length: 256 - printable.length }, (_, n) => String.fromCharCode(256 + n))];
}

function checkpointVocabulary() {
  const read = (name: string): string => readFileSync(join(GOLDEN, 'checkpoint/tokenizer', name), 'utf8');
  const [, ...merges] = read('merges.txt').trimEnd().split('\n');
  return { merges, vocabulary: JSON.parse(read('vocab.json')) as Record<string, number> };
}
