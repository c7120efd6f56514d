import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Adapter, LowRankFactors } from '../core/lora/adapter.ts';
import { factorsOf, firstNonFinite } from '../core/lora/factors.ts';
import { alphaKeysOf, type LoraModule } from '../core/lora/lora-module.ts';
import { type ParsedLora, parseLora } from '../core/lora/parse.ts';
import { type LoraReceipt, receiptOf } from '../core/lora/receipt.ts';
import type { LoraTarget } from '../core/lora/target.ts';
import { InputError, type Problem } from '../core/problem.ts';
import type { SafetensorsEntry } from '../core/safetensors/header.ts';
import { readSafetensorsHeader, readTensor } from './safetensors-file.ts';

/**
 * LoRA files on disk: a receipt from the header and the alphas alone, or the whole adapter. What the keys mean is decided in
 * `core/lora`. Both throw an `InputError` for a file that cannot be applied to the targets.
 */

/** `hash` may remember what it has hashed: the file is read whole for nothing else here. */
export async function inspectLoraFile(
  path: string,
  targets: readonly LoraTarget[],
  hash: (path: string) => Promise<string> = sha256OfFile,
): Promise<LoraReceipt> {
  return receiptOf((await readLora(path, targets)).lora, await hash(path));
}

/** Also refuses factors that hold NaN or infinities, which only a full read can see. */
export async function loadLoraFile(
  path: string,
  targets: readonly LoraTarget[],
): Promise<{ readonly adapter: Adapter; readonly receipt: LoraReceipt }> {
  const { lora, entries } = await readLora(path, targets);
  const receipt = receiptOf(lora, await sha256OfFile(path));
  const factors = { unet: new Map<string, LowRankFactors>(), text_encoder: new Map<string, LowRankFactors>() };
  const problems: Problem[] = [];
  for (const module of lora.modules) {
    const down = await readTensor(path, entryOf(entries, module.down));
    const up = await readTensor(path, entryOf(entries, module.up));
    problems.push(...nonFiniteProblems(basename(path), module, { down, up }));
    factors[module.target.component].set(module.target.module, factorsOf(module, { down, up }));
  }
  if (problems.length > 0) throw new InputError(problems);
  return { adapter: { sha256: receipt.sha256, factors }, receipt };
}

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

type Entries = ReadonlyMap<string, SafetensorsEntry>;

async function readLora(
  path: string,
  targets: readonly LoraTarget[],
): Promise<{ readonly lora: ParsedLora; readonly entries: Entries }> {
  const { entries, metadata } = await readSafetensorsHeader(path);
  const alphas = new Map<string, number>();
  for (const key of alphaKeysOf(entries)) {
    const [alpha] = await readTensor(path, entryOf(entries, key));
    if (alpha !== undefined) alphas.set(key, alpha);
  }
  return { lora: parseLora({ subject: basename(path), tensors: entries, metadata, alphas }, targets), entries };
}

function entryOf(entries: Entries, key: string): SafetensorsEntry {
  const entry = entries.get(key);
  if (entry === undefined) throw new Error(`the parser named ${key}, which the file does not have`);
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
    const message = `${subject} has ${tensors[half][index]} in ${module[half]}; every value must be finite`;
    return [{ code: 'malformed_file', subject, message }];
  });
}
