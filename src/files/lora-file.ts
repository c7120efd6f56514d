import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { assert } from '../core/assert.ts';
import type { Adapter, LowRankFactors } from '../core/lora/adapter.ts';
import { factorsOf, firstNonFinite } from '../core/lora/factors.ts';
import { alphaKeysOf, type LoraModule } from '../core/lora/lora-module.ts';
import { type ParsedLora, parseLora } from '../core/lora/parse.ts';
import { type LoraReceipt, receiptOf } from '../core/lora/receipt.ts';
import type { LoraTarget } from '../core/lora/target.ts';
import { InputError, type Problem } from '../core/problem.ts';
import { decodeFloats, isFloatDtype } from '../core/safetensors/decode-floats.ts';
import { findNonFinite } from '../core/safetensors/find-non-finite.ts';
import type { SafetensorsEntry, SafetensorsHeader } from '../core/safetensors/header.ts';
import { readPieces, readSafetensors, readSafetensorsHeader, readTensors } from './safetensors-file.ts';

/**
 * LoRA files on disk: a receipt, or the whole adapter. What the keys mean is decided in `core/lora`. Both throw an `InputError` for a
 * file that cannot be applied to the targets.
 */

/** What only reading a file whole can tell. */
export interface WholeFile {
  readonly sha256: string;
  /** Tensors with values that are NaN or infinite: training has failed, and so would every picture. */
  readonly damage: readonly Problem[];
}

/**
 * `readWhole` may remember: all else here is read from the header and the alphas. `subject` names the file in messages, its base name
 * if not given.
 */
export async function inspectLoraFile(
  path: string,
  targets: readonly LoraTarget[],
  options: {
    readonly readWhole?: (path: string, subject: string) => Promise<WholeFile>;
    readonly subject?: string;
  } = {},
): Promise<LoraReceipt> {
  const { readWhole = readWholeFile, subject = basename(path) } = options;
  const header = await readSafetensorsHeader(path, subject);
  const keys = alphaKeysOf(header.entries);
  const alphas = await readTensors(
    path,
    keys.map((key) => entryOf(header.entries, key)),
  );
  const alphaOf = new Map(keys.map((key, index) => [key, alphas[index] ?? new Float32Array()]));
  const lora = parse(subject, header, alphaOf, targets);
  const { sha256, damage } = await readWhole(path, subject);
  if (damage.length > 0) throw new InputError(damage);
  return receiptOf(lora, sha256);
}

/** One pass in small pieces, however large the file. Throws an InputError for a file that is no safetensors. */
export async function readWholeFile(path: string, subject = basename(path)): Promise<WholeFile> {
  const { entries } = await readSafetensorsHeader(path, subject);
  const inOrder = [...entries.values()].sort((one, other) => one.start - other.start || one.end - other.end);
  const hash = createHash('sha256');
  const damage: Problem[] = [];
  let isDamaged = false;
  // The tensors lie behind the header without gaps; what is before the first is the header.
  const header = { name: '', dtype: '', start: 0, end: inOrder[0]?.start ?? (await stat(path)).size };
  for await (const { span, bytes, isFirst } of readPieces(path, [header, ...inOrder])) {
    if (isFirst) isDamaged = false;
    hash.update(bytes);
    if (isDamaged || !isFloatDtype(span.dtype)) continue;
    const index = findNonFinite(bytes, span.dtype);
    if (index < 0) continue;
    isDamaged = true;
    damage.push(nonFiniteProblem(subject, span.name, decodeFloats(bytes, span.dtype)[index]));
  }
  return { sha256: hash.digest('hex'), damage };
}

/** Refuses NaN and infinities by itself: the file may be another by now than the one that was inspected. */
export async function loadLoraFile(
  path: string,
  targets: readonly LoraTarget[],
): Promise<{ readonly adapter: Adapter; readonly receipt: LoraReceipt }> {
  const file = await readSafetensors(path);
  const tensorOf = (key: string): Float32Array => file.tensor(entryOf(file.entries, key));
  const lora = parse(
    basename(path),
    file,
    new Map(alphaKeysOf(file.entries).map((key) => [key, tensorOf(key)])),
    targets,
  );
  const receipt = receiptOf(lora, createHash('sha256').update(file.bytes).digest('hex'));

  const factors = { unet: new Map<string, LowRankFactors>(), text_encoder: new Map<string, LowRankFactors>() };
  const problems: Problem[] = [];
  for (const module of lora.modules) {
    const tensors = { down: tensorOf(module.down), up: tensorOf(module.up) };
    problems.push(...nonFiniteProblems(basename(path), module, tensors));
    factors[module.target.component].set(module.target.module, factorsOf(module, tensors));
  }
  if (problems.length > 0) throw new InputError(problems);
  return { adapter: { sha256: receipt.sha256, factors }, receipt };
}

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

function parse(
  subject: string,
  { entries, metadata }: SafetensorsHeader,
  alphaTensors: ReadonlyMap<string, Float32Array>,
  targets: readonly LoraTarget[],
): ParsedLora {
  const alphas = new Map([...alphaTensors].flatMap(([key, [alpha]]) => (alpha === undefined ? [] : [[key, alpha]])));
  return parseLora({ subject, tensors: entries, metadata, alphas }, targets);
}

function entryOf(entries: SafetensorsHeader['entries'], key: string): SafetensorsEntry {
  const entry = entries.get(key);
  assert(entry !== undefined, `the file has ${key}, as the parser said`);
  return entry;
}

function nonFiniteProblems(
  subject: string,
  module: LoraModule,
  tensors: { readonly down: Float32Array; readonly up: Float32Array },
): readonly Problem[] {
  return (['down', 'up'] as const).flatMap((half): readonly Problem[] => {
    const index = firstNonFinite(tensors[half]);
    if (index < 0) return [];
    return [nonFiniteProblem(subject, module[half], tensors[half][index])];
  });
}

function nonFiniteProblem(subject: string, tensor: string, value: number | undefined): Problem {
  const message = `${subject} has ${value} in ${tensor}; every value must be finite`;
  return { code: 'malformed_file', subject, message };
}
