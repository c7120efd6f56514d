/**
 * Weights in several safetensors files, and the index that says which file holds which: `{ "weight_map": { name: file } }`, as
 * diffusers and transformers write it. Index and files must agree weight for weight. An index names safetensors files beside itself
 * and nothing else, so it leads neither out of its folder nor to another index.
 */

import { InputError } from '../problem.ts';
import { type SafetensorsEntry, type SafetensorsHeader, TENSORS_MAX } from './header.ts';

/** The largest published models come in about 200. */
export const SHARDS_MAX = 1000;

/** A damaged index can be wrong about each weight; this many are enough to see what happened. */
const FAULTS_SHOWN = 8;

/** A weight and the name of the file that holds it. */
export interface ShardedEntry extends SafetensorsEntry {
  readonly file: string;
}

/** The file of each weight, by an index. Throws an InputError (`malformed_file`); `subject` names the index in messages. */
export function parseShardIndex(json: Readonly<Record<string, unknown>>, subject: string): ReadonlyMap<string, string> {
  const { weight_map: map } = json;
  if (typeof map !== 'object' || map === null || Array.isArray(map)) {
    throw malformed(subject, [`weight_map is ${show(map)}; must map the names of weights to file names`]);
  }
  const rows = Object.entries(map);
  if (rows.length === 0 || rows.length > TENSORS_MAX) {
    throw malformed(subject, [`weight_map names ${rows.length} weights; must name 1 to ${TENSORS_MAX}`]);
  }
  const files = new Set(rows.map(([, file]) => file));
  const strays = [...files].filter((file) => !isShardName(file));
  const faults = strays.map(
    (file) => `weight_map names the file ${show(file)}; must be a .safetensors file in the folder of the index`,
  );
  if (files.size > SHARDS_MAX) faults.push(`weight_map names ${files.size} files; must be at most ${SHARDS_MAX}`);
  if (faults.length > 0) throw malformed(subject, faults);
  return new Map(rows);
}

/** Every weight with the file that holds it. `headers` has each file of the index. Throws an InputError (`malformed_file`). */
export function joinShards(
  index: ReadonlyMap<string, string>,
  headers: ReadonlyMap<string, SafetensorsHeader>,
  subject: string,
): ReadonlyMap<string, ShardedEntry> {
  const joined = new Map<string, ShardedEntry>();
  const faults: string[] = [];
  for (const [file, { entries }] of headers) {
    for (const [name, entry] of entries) {
      const named = index.get(name);
      if (named === file) joined.set(name, { ...entry, file });
      else faults.push(`${file} holds ${name}, which the index ${named === undefined ? 'lacks' : `has in ${named}`}`);
    }
  }
  for (const [name, file] of index) if (!joined.has(name)) faults.push(`${file} does not hold ${name}`);
  if (faults.length > 0) throw malformed(subject, faults);
  return joined;
}

function isShardName(file: unknown): file is string {
  return typeof file === 'string' && /^[^/\\\0]+\.safetensors$/.test(file);
}

function malformed(subject: string, faults: readonly string[]): InputError {
  const rest = faults.length - FAULTS_SHOWN;
  const shown = rest > 0 ? [...faults.slice(0, FAULTS_SHOWN), `has ${rest} more faults of this kind`] : faults;
  return new InputError(shown.map((fault) => ({ code: 'malformed_file', subject, message: `${subject}: ${fault}` })));
}

/** A value from the file, cut so that a message stays readable. */
function show(value: unknown): string {
  return (JSON.stringify(value) ?? 'missing').slice(0, 80);
}
