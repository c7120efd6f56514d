/**
 * A CLIP on disk, in the layout in which transformers saves `CLIPModel` with its tokenizer and image processor, to a `ClipModel`.
 * What is missing or cannot be used is refused here, each kind all at once.
 */

import { createHash } from 'node:crypto';
import { access, readFile, realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ClipModel } from '../compiler/clip-model.ts';
import { LEGACY_END_TOKEN_ID, parseClipConfig, parsePixelScale } from '../compiler/configs/clip-config.ts';
import { parseTokenizer, type TokenizerFiles } from '../compiler/configs/tokenizer.ts';
import { compileClipText, compileClipVision } from '../compiler/models/clip-towers.ts';
import { InputError, type Problem } from '../core/problem.ts';
import { readWeights } from './component-weights.ts';
import { type JsonObject, readJsonObject } from './json-file.ts';
import { sha256OfFile } from './lora-file.ts';

const WEIGHTS = 'model.safetensors';
const CONFIG = 'config.json';
const PREPROCESSOR = 'preprocessor_config.json';
/** The tokenizer as transformers 5 writes it, or as it was before: a vocabulary and a list of merges. */
const TOKENIZERS = [['tokenizer.json'], ['vocab.json', 'merges.txt']] as const;

/** Throws an InputError: `malformed_file` for damaged files, `unsupported_checkpoint` for all else. */
export async function readClipModel(directory: string): Promise<ClipModel> {
  const folder = resolve(directory);
  const tokenizerFiles = await findTokenizer(folder);
  const files = [CONFIG, PREPROCESSOR, WEIGHTS, ...tokenizerFiles];
  await expectFiles(folder, files);
  const config = parseClipConfig(await readJsonObject(folder, CONFIG), CONFIG);
  const pixels = parsePixelScale(await readJsonObject(folder, PREPROCESSOR), PREPROCESSOR);
  const tokenizer = parseTokenizer(await readTokenizer(folder, tokenizerFiles), config.value.text);
  refuseIfAny([...config.problems, ...pixels.problems, ...tokenizer.problems]);
  refuseIfAny(endProblems(config.value.endTokenId, tokenizer.value.vocabulary));

  const root = await realpath(folder);
  const weights = await readWeights({ subject: WEIGHTS, files: [WEIGHTS], index: null }, { folder, root });
  const model: ClipModel = {
    directory: root,
    sha256: await hashOf(folder, files),
    config: config.value,
    weights,
    tokenizer: tokenizer.value,
    pixels: pixels.value,
  };
  // Compiling is what finds weights that do not fit, and takes milliseconds.
  refuseIfAny([compileClipText, compileClipVision].flatMap((compile) => problemsOf(() => compile(model))));
  return model;
}

/** The files of the first form that is there; of the older one, where none is. */
async function findTokenizer(folder: string): Promise<readonly string[]> {
  for (const names of TOKENIZERS) if (await isThere(join(folder, names[0]))) return names;
  return TOKENIZERS[1];
}

async function readTokenizer(folder: string, [first = '', second]: readonly string[]): Promise<TokenizerFiles> {
  const json = await readJsonObject(folder, first);
  if (second !== undefined) {
    return { vocabulary: json, merges: await readFile(join(folder, second), 'utf8'), specialTokens: {} };
  }
  const { vocab, merges } = objectAt(json.model);
  const lines = Array.isArray(merges)
    ? merges.map((pair) => (Array.isArray(pair) ? pair.join(' ') : String(pair)))
    : [];
  return { vocabulary: objectAt(vocab), merges: lines.join('\n'), specialTokens: {} };
}

function objectAt(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function expectFiles(folder: string, files: readonly string[]): Promise<void> {
  const problems: Problem[] = [];
  for (const name of files) {
    if (await isThere(join(folder, name))) continue;
    const message = `${name} is missing from ${folder}; a judge of texts and pictures is a folder with ${files.join(', ')}`;
    problems.push({ code: 'unsupported_checkpoint', subject: name, message });
  }
  refuseIfAny(problems);
}

/** A text is read at its end token, so config and vocabulary must mean the same one. */
function endProblems(endTokenId: number, vocabulary: Readonly<Record<string, number>>): readonly Problem[] {
  const end = vocabulary['<|endoftext|>'];
  if (endTokenId === end || endTokenId === LEGACY_END_TOKEN_ID) return [];
  const message = `${CONFIG}: eos_token_id is ${endTokenId}; must be ${end}, which the vocabulary gives <|endoftext|>`;
  return [{ code: 'unsupported_checkpoint', subject: CONFIG, message }];
}

/** One hash over the hashes and names of the files, in the form of sha256sum. */
async function hashOf(folder: string, files: readonly string[]): Promise<string> {
  const whole = createHash('sha256');
  for (const name of [...files].sort()) whole.update(`${await sha256OfFile(join(folder, name))}  ${name}\n`);
  return whole.digest('hex');
}

function problemsOf(run: () => unknown): readonly Problem[] {
  try {
    run();
    return [];
  } catch (error) {
    if (error instanceof InputError) return error.problems;
    throw error;
  }
}

function refuseIfAny(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new InputError(problems);
}
