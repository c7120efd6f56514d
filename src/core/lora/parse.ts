import { InputError, type Problem } from '../problem.ts';
import { adapterMetadataOf } from './adapter-metadata.ts';
import { factorFaults, faultsOf, listed, type NamedKey, problem } from './faults.ts';
import { type LoraFormat, type LoraKey, otherMethodOf, reasonUnmatched, type UnmatchedKey } from './lora-key.ts';
import { type LoraFile, type LoraModule, moduleOf } from './lora-module.ts';
import { type ModuleNames, moduleNamesOf } from './module-names.ts';
import { readKohyaKey } from './parse-kohya.ts';
import { readPeftKey } from './parse-peft.ts';
import { groupByModule, isMatchedPair } from './part-groups.ts';
import type { LoraTarget } from './target.ts';

/**
 * Keys and shapes of a LoRA file to the layers that it acts on. Made from the file's header and its alphas, before any factor is
 * read, so that a gateway can refuse a file that would do nothing or was made for another base model. A file is understood as
 * diffusers' loader understands it, but for one thing: what that drops with a warning is an error or a line of the receipt here.
 */

export interface ParsedLora {
  readonly format: LoraFormat;
  /** In the order of the checkpoint's layers; never empty. */
  readonly modules: readonly LoraModule[];
  readonly unmatched: readonly UnmatchedKey[];
}

/**
 * Throws an `InputError` with everything that is wrong: `lora_wrong_base` (names or shapes of another base model),
 * `unsupported_lora` (DoRA, LoHa, ...), `malformed_file` (half a pair, factors that do not fit each other), `lora_no_match`.
 */
export function parseLora(file: LoraFile, targets: readonly LoraTarget[]): ParsedLora {
  const names = moduleNamesOf(targets);
  const keys = [...file.tensors.keys()].map((key) => ({ key, meaning: readKey(key, names) }));
  const groups = groupByModule(
    keys.flatMap(({ key, meaning }) => (meaning.kind === 'part' ? [{ ...meaning, key }] : [])),
  );
  const pairs = groups.filter(isMatchedPair);
  const metadata = adapterMetadataOf(file.metadata, file.subject);
  const modules = pairs
    .filter((pair) => factorFaults(pair, file).length === 0)
    .map((pair) => moduleOf(pair, file, metadata));

  const faults = faultsOf(file, { keys, groups, modules });
  if (faults.length > 0) throw new InputError(faults);
  const unmatched = unmatchedKeys(keys, new Set(modules.map(({ target }) => target)));
  const [first] = pairs;
  if (first === undefined) throw new InputError([noMatch(file, unmatched)]);
  return { format: first.down.format, modules: inOrderOf(targets, modules), unmatched };
}

function readKey(key: string, names: ModuleNames): LoraKey {
  const method = otherMethodOf(key);
  if (method !== undefined) return { kind: 'unsupported', method };
  return readKohyaKey(key, names) ?? readPeftKey(key, names) ?? { kind: 'unmatched', reason: 'not a key of a LoRA' };
}

function unmatchedKeys(keys: readonly NamedKey[], matched: ReadonlySet<LoraTarget>): readonly UnmatchedKey[] {
  return keys.flatMap(({ key, meaning }) => {
    if (meaning.kind === 'unmatched') return [{ key, reason: meaning.reason }];
    if (meaning.kind !== 'part') return [];
    if (meaning.target === undefined) return [{ key, reason: reasonUnmatched(meaning.name) }];
    return matched.has(meaning.target) ? [] : [{ key, reason: 'an alpha without factors' }];
  });
}

function noMatch(file: LoraFile, unmatched: readonly UnmatchedKey[]): Problem {
  if (unmatched.length === 0) return problem(file, 'lora_no_match', 'holds no tensors');
  const reasons = [...new Set(unmatched.map(({ reason }) => reason))];
  const keys = listed(unmatched.map(({ key }) => key));
  const question = 'Is it a LoRA, and for this base model?';
  return problem(
    file,
    'lora_no_match',
    `acts on no layer of this checkpoint: ${keys} (${listed(reasons)}). ${question}`,
  );
}

function inOrderOf(targets: readonly LoraTarget[], modules: readonly LoraModule[]): readonly LoraModule[] {
  const place = new Map(targets.map((target, index) => [target, index]));
  return modules.toSorted((one, other) => (place.get(one.target) ?? 0) - (place.get(other.target) ?? 0));
}
