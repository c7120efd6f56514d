import { Tokenizer } from '@huggingface/tokenizers';
import { assert } from '../core/assert.ts';

/**
 * Text to the token ids that CLIP's text encoder takes: NFC, runs of whitespace to one blank, lower case, words by CLIP's pattern,
 * byte-level pairs that end with `</w>`. The same ids as transformers' CLIPTokenizer (test/golden/tokens.test.ts). The vocabulary
 * and the merges are the checkpoint's own; nothing is read here.
 */

const START_TOKEN = '<|startoftext|>';
const END_TOKEN = '<|endoftext|>';

/** The pattern of transformers' CLIPTokenizer: special tokens, English contractions, letters, one digit, other signs. */
const WORD_PATTERN =
  "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";

/** Exactly `positions` ids: start, text, end, and more ends to fill the rest. `truncated` says whether some of the text had no room. */
export type ClipTokenizer = (text: string) => { readonly ids: readonly number[]; readonly truncated: boolean };

export interface ClipTokenizerFiles {
  /** `vocab.json`: id by token. */
  readonly vocabulary: Readonly<Record<string, number>>;
  /** The lines of `merges.txt`, without its heading. */
  readonly merges: readonly string[];
  /** How many ids the text encoder takes: 77 in CLIP. */
  readonly positions: number;
}

export function createClipTokenizer({ vocabulary, merges, positions }: ClipTokenizerFiles): ClipTokenizer {
  const idOf = (token: string): number => {
    const id = vocabulary[token];
    assert(id !== undefined, `the vocabulary has no token ${token}`);
    return id;
  };
  const startId = idOf(START_TOKEN);
  const endId = idOf(END_TOKEN);
  const tokenizer = new Tokenizer(tokenizerJson({ vocabulary, merges, startId }), {});
  const wordIds = (text: string): number[] =>
    tokenizer.encode(withoutCapitalSigma(text), { add_special_tokens: false }).ids;

  return (text) => {
    // Inside a text the end token counts only exactly as it is written, so it is found before anything becomes lower case.
    const words = text.split(END_TOKEN).flatMap((part, index) => [...(index > 0 ? [endId] : []), ...wordIds(part)]);
    const kept = words.slice(0, positions - 2);
    const padding = new Array<number>(positions - 2 - kept.length).fill(endId);
    return { ids: [startId, ...kept, endId, ...padding], truncated: kept.length < words.length };
  };
}

/**
 * A capital sigma becomes the plain small one here, because the library's lower case makes it the final form at a word's end and the
 * reference never does. It is the only letter whose lower case depends on its neighbours.
 */
function withoutCapitalSigma(text: string): string {
  return text.replaceAll('\u03a3', '\u03c3');
}

/** What transformers' CLIPTokenizer would write as `tokenizer.json`. */
function tokenizerJson(options: {
  readonly vocabulary: Readonly<Record<string, number>>;
  readonly merges: readonly string[];
  readonly startId: number;
}) {
  const { vocabulary, merges, startId } = options;
  return {
    // The start token is found in upper case too, as transformers has it.
    added_tokens: [
      {
        id: startId,
        content: START_TOKEN,
        special: true,
        normalized: true,
        lstrip: false,
        rstrip: false,
        single_word: false,
      },
    ],
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'NFC' },
        { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
        { type: 'Lowercase' },
      ],
    },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: WORD_PATTERN }, behavior: 'Removed', invert: true },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
      ],
    },
    model: {
      type: 'BPE',
      unk_token: END_TOKEN,
      continuing_subword_prefix: '',
      end_of_word_suffix: '</w>',
      fuse_unk: false,
      vocab: vocabulary,
      merges,
    },
    post_processor: null,
    decoder: { type: 'ByteLevel' },
  };
}
