/**
 * The weights of one component: a safetensors file, or an index and the files that it names. Finds them and reads their headers;
 * whether they fit the config is the compiler's question.
 */

import { access, realpath } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import type { Weights } from '../compiler/checkpoint.ts';
import { InputError } from '../core/problem.ts';
import { joinShards, parseShardIndex } from '../core/safetensors/shards.ts';
import { readJsonObject } from './json-file.ts';
import { readSafetensorsHeader } from './safetensors-file.ts';

/** Names are paths within the checkpoint's folder. */
export interface WeightFiles {
  /** The file, or the index of several. */
  readonly subject: string;
  /** The safetensors files. */
  readonly files: readonly string[];
  /** The file of each weight, where an index says it. */
  readonly index: ReadonlyMap<string, string> | null;
}

/** Throws an InputError (`malformed_file`) for an index that cannot be followed, with every file that is missing. */
export async function findWeightFiles(folder: string, subject: string): Promise<WeightFiles> {
  if (!subject.endsWith('.json')) return { subject, files: [subject], index: null };
  const shards = parseShardIndex(await readJsonObject(folder, subject), subject);
  const index = new Map([...shards].map(([weight, file]) => [weight, `${dirname(subject)}/${file}`]));
  const files = [...new Set(index.values())].sort();
  const missing: string[] = [];
  for (const file of files) if (!(await exists(join(folder, file)))) missing.push(file);
  if (missing.length > 0) {
    const message = `${subject}: ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing`;
    throw new InputError([{ code: 'malformed_file', subject, message }]);
  }
  return { subject, files, index };
}

/**
 * `root` holds every file once links are resolved. Throws an InputError (`malformed_file`) for a damaged file and for files that
 * hold other weights than their index says.
 */
export async function readWeights(
  { subject, files, index }: WeightFiles,
  at: { readonly folder: string; readonly root: string },
): Promise<Weights> {
  const headers = new Map<string, Awaited<ReturnType<typeof readSafetensorsHeader>>>();
  const targets = new Map<string, string>();
  for (const file of files) {
    const path = join(at.folder, file);
    headers.set(file, await readSafetensorsHeader(path, file));
    // ONNX paths are written with slashes everywhere.
    targets.set(file, relative(at.root, await realpath(path)).replaceAll(sep, '/'));
  }
  const whole = index ?? new Map([...(headers.get(subject)?.entries.keys() ?? [])].map((name) => [name, subject]));
  const entries = [...joinShards(whole, headers, subject)].map(
    ([name, entry]) => [name, { ...entry, file: targets.get(entry.file) ?? entry.file }] as const,
  );
  return { subject, entries: new Map(entries) };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
