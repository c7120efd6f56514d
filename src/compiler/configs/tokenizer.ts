/** The tokenizer's files as a value: CLIP's byte-pair vocabulary and merges. Splitting text into tokens is not done here. */

import type { Problem } from '../../core/problem.ts';
import type { Parsed } from './config-reader.ts';

export interface Tokenizer {
  /** Token to id. */
  readonly vocabulary: Readonly<Record<string, number>>;
  /** Pairs to join, most urgent first, as merges.txt writes them: two pieces with a space between. */
  readonly merges: readonly string[];
  /** Ids in a row of the text encoder, start and end included. */
  readonly positions: number;
}

/** Both are fixed in CLIP; a checkpoint whose vocabulary lacks them is not CLIP's. Short texts are padded with the end. */
const SPECIAL_TOKENS = ['<|startoftext|>', '<|endoftext|>'] as const;

export interface TokenizerFiles {
  /** vocab.json. */
  readonly vocabulary: Readonly<Record<string, unknown>>;
  /** merges.txt. */
  readonly merges: string;
  /** special_tokens_map.json; empty if the folder has none. */
  readonly specialTokens: Readonly<Record<string, unknown>>;
}

export function parseTokenizer(
  files: TokenizerFiles,
  textEncoder: { readonly vocabularySize: number; readonly positions: number },
): Parsed<Tokenizer> {
  const { vocabularySize, positions } = textEncoder;
  const problems: Problem[] = [];
  const refuse = (subject: string, reason: string): void => {
    problems.push({ code: 'unsupported_checkpoint', subject, message: `${subject}: ${reason}` });
  };

  const isId = (id: unknown): id is number =>
    typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < vocabularySize;
  const rows = Object.entries(files.vocabulary);
  const vocabulary = Object.fromEntries(rows.flatMap(([token, id]) => (isId(id) ? [[token, id] as const] : [])));
  const strays = rows.flatMap(([token, id]) => (isId(id) ? [] : [token]));
  if (strays.length > 0) {
    refuse(
      'tokenizer/vocab.json',
      `${strays.length} tokens, ${JSON.stringify(strays[0])} among them, have ids outside 0 to ${vocabularySize - 1}`,
    );
  }
  for (const token of SPECIAL_TOKENS) {
    if (!Object.hasOwn(vocabulary, token)) refuse('tokenizer/vocab.json', `${token} is missing`);
  }
  const padding = contentOf(files.specialTokens.pad_token);
  if (padding !== undefined && padding !== SPECIAL_TOKENS[1]) {
    refuse(
      'tokenizer/special_tokens_map.json',
      `pad_token is ${JSON.stringify(padding)}; must be "${SPECIAL_TOKENS[1]}"`,
    );
  }

  const merges = files.merges.split('\n').filter((line) => line !== '' && !line.startsWith('#version'));
  const broken = merges.find((line) => line.split(' ').length !== 2);
  if (broken !== undefined) {
    refuse('tokenizer/merges.txt', `${JSON.stringify(broken)} is no merge; must be two pieces with a space between`);
  }
  return { value: { vocabulary, merges, positions }, problems };
}

/** A special token is written as a string, or as an object whose `content` it is. */
function contentOf(token: unknown): unknown {
  return typeof token === 'object' && token !== null && 'content' in token ? token.content : (token ?? undefined);
}
