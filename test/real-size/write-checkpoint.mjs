/** A diffusers folder of Stable Diffusion 1.5's size: its published configs, CLIP's own vocabulary, random F16 weights. 2.1 GB. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { COMPONENTS } from './sd15-weights.mjs';
import { writeRandomWeights } from './write-random.mjs';

/** What runwayml/stable-diffusion-v1-5 says, keys that no reader needs left out. */
const CONFIGS = JSON.parse(readFileSync(join(import.meta.dirname, '../support/sd15-configs.json'), 'utf8'));

const CLIP_MERGES = join(import.meta.dirname, '../golden/clip/bpe_simple_vocab_16e6.txt.gz');

export function writeCheckpoint(folder) {
  for (const [name, config] of Object.entries(CONFIGS)) write(folder, name, JSON.stringify(config, null, 2));
  writeTokenizer(folder);
  for (const [seed, [component, { file, weights }]] of Object.entries(COMPONENTS).entries()) {
    const tensors = weights.map(({ name, dims, fanIn }) => ({ name, dims, ...distribution(name, fanIn) }));
    // An I64 tensor that SD 1.5's file has and no layer needs.
    const positions = { name: 'text_model.embeddings.position_ids', dims: [1, 77], integers: Array(77).keys() };
    if (component === 'text_encoder') tensors.push(positions);
    writeRandomWeights(join(folder, component, file), tensors, seed + 1);
  }
}

/** What keeps activations of about one size through a deep net, so that outputs are finite: He's scaling, norms about 1. */
function distribution(name, fanIn) {
  if (fanIn !== undefined) return { deviation: 1 / Math.sqrt(fanIn) };
  const isScale = name.endsWith('.weight');
  return { mean: isScale ? 1 : 0, deviation: 0.02 };
}

/** By ../golden/clip/README.md. */
function writeTokenizer(folder) {
  const merges = gunzipSync(readFileSync(CLIP_MERGES)).toString('utf8').split('\n').slice(1, 48_895);
  const symbols = byteSymbols();
  const words = merges.map((merge) => merge.replace(' ', ''));
  const tokens = [
    ...symbols,
    ...symbols.map((symbol) => `${symbol}</w>`),
    ...words,
    '<|startoftext|>',
    '<|endoftext|>',
  ];
  const vocabulary = Object.fromEntries(tokens.map((token, id) => [token, id]));
  write(folder, 'tokenizer/vocab.json', JSON.stringify(vocabulary));
  write(folder, 'tokenizer/merges.txt', ['#version: 0.2', ...merges, ''].join('\n'));
}

/** One printable character for each byte, printable bytes first, the rest from U+0100. */
function byteSymbols() {
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  const isPrintable = (byte) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  const printable = bytes.filter(isPrintable).map((byte) => String.fromCharCode(byte));
  return [...printable, ...Array.from({ length: 256 - printable.length }, (_, n) => String.fromCharCode(256 + n))];
}

function write(folder, name, text) {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
