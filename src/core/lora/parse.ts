import { InputError, type Problem, type ProblemCode } from '../problem.ts';
import { FLOAT_DTYPES, isFloatDtype } from '../safetensors/decode-floats.ts';
import { type AdapterMetadata, adapterMetadataOf } from './adapter-metadata.ts';
import {
  type LoraFormat,
  type LoraKey,
  type LoraPart,
  otherMethodOf,
  reasonUnmatched,
  type UnmatchedKey,
} from './lora-key.ts';
import { type ModuleNames, moduleNamesOf } from './module-names.ts';
import { readKohyaKey } from './parse-kohya.ts';
import { readPeftKey } from './parse-peft.ts';
import type { LoraComponent, LoraTarget } from './target.ts';

/**
 * Keys and shapes of a LoRA file to the layers that it acts on. Made from the file's header and its alphas, before any factor is
 * read, so that a gateway can refuse a file that would do nothing or was made for another base model. A file is understood as
 * diffusers' loader understands it, but for one thing: what that drops with a warning is an error or a line of the receipt here.
 */

/** What a safetensors header says of a LoRA file. */
export interface LoraFile {
  /** Names the file in messages. */
  readonly subject: string;
  readonly tensors: ReadonlyMap<string, { readonly dtype: string; readonly dims: readonly number[] }>;
  readonly metadata: Readonly<Record<string, string>>;
  /** The values of the tensors that `alphaKeysOf` names. */
  readonly alphas: ReadonlyMap<string, number>;
}

/** A layer and where its factors lie in the file. */
export interface LoraModule {
  readonly target: LoraTarget;
  /** Key of the tensor [rank, inputWidth], with or without two trailing 1s. */
  readonly down: string;
  /** Key of the tensor [outputWidth, rank], with or without two trailing 1s. */
  readonly up: string;
  readonly rank: number;
  readonly alpha: number;
  /** What the product of the factors is multiplied by: alpha / rank, or alpha / sqrt(rank) where the file says so. */
  readonly scale: number;
}

export interface ParsedLora {
  readonly format: LoraFormat;
  /** In the order of the checkpoint's layers; never empty. */
  readonly modules: readonly LoraModule[];
  readonly unmatched: readonly UnmatchedKey[];
}

/** Keys whose values the parser needs: scalars, a few bytes each. */
export function alphaKeysOf(tensors: LoraFile['tensors']): readonly string[] {
  return [...tensors].filter(([key, { dims }]) => key.endsWith('.alpha') && isScalar(dims)).map(([key]) => key);
}

/**
 * Throws an `InputError` with everything that is wrong: `lora_wrong_base` (names or shapes of another base model),
 * `unsupported_lora` (DoRA, LoHa, ...), `malformed_file` (half a pair, factors that do not fit each other), `lora_no_match`.
 */
export function parseLora(file: LoraFile, targets: readonly LoraTarget[]): ParsedLora {
  const names = moduleNamesOf(targets);
  const keys = [...file.tensors.keys()].map((key) => ({ key, meaning: readKey(key, names) }));
  const groups = groupByModule(keys);
  const metadata = adapterMetadataOf(file.metadata, file.subject);
  const pairs = groups.filter(isMatchedPair);
  const modules = pairs
    .filter((pair) => factorFaults(pair, file).length === 0)
    .map((pair) => moduleOf(pair, file, metadata));
  const problems = [
    ...foreignProblems(file, keys),
    ...shapeProblems(file, modules),
    ...methodProblems(file, keys),
    ...groups.flatMap((group) => pairProblems(group, file)),
    ...alphaProblems(file, modules),
  ];
  if (problems.length > 0) throw new InputError(problems);
  const matched = new Set(pairs.map(({ target }) => target));
  const unmatched = keys.flatMap(({ key, meaning }) => {
    const reason = unmatchedReason(meaning, matched);
    return reason === undefined ? [] : [{ key, reason }];
  });
  const [first] = pairs;
  if (first === undefined) throw new InputError([noMatch(file, unmatched)]);
  const place = new Map(targets.map((target, index) => [target, index]));
  return {
    format: first.down.format,
    modules: modules.toSorted((one, other) => (place.get(one.target) ?? 0) - (place.get(other.target) ?? 0)),
    unmatched,
  };
}

interface NamedKey {
  readonly key: string;
  readonly meaning: LoraKey;
}

type NamedPart = LoraPart & { readonly key: string };

/** The tensors of one module, as the file names it. */
interface PartGroup {
  readonly component: LoraComponent;
  readonly name: string;
  readonly target: LoraTarget | undefined;
  readonly down: NamedPart | undefined;
  readonly up: NamedPart | undefined;
  readonly alpha: NamedPart | undefined;
  /** Parts that the module has twice, under two spellings. */
  readonly doubled: readonly NamedPart[];
}

type MatchedPair = PartGroup & {
  readonly target: LoraTarget;
  readonly down: NamedPart;
  readonly up: NamedPart;
};

function readKey(key: string, names: ModuleNames): LoraKey {
  const method = otherMethodOf(key);
  if (method !== undefined) return { kind: 'unsupported', method };
  return readKohyaKey(key, names) ?? readPeftKey(key, names) ?? { kind: 'unmatched', reason: 'not a key of a LoRA' };
}

function groupByModule(keys: readonly NamedKey[]): readonly PartGroup[] {
  const groups = new Map<string, PartGroup>();
  for (const { key, meaning } of keys) {
    if (meaning.kind !== 'part') continue;
    const { component, name, target, part } = meaning;
    const id = target === undefined ? `${component}:?${name}` : `${component}:${target.module}`;
    const group = groups.get(id) ?? {
      component,
      name,
      target,
      down: undefined,
      up: undefined,
      alpha: undefined,
      doubled: [],
    };
    const named = { ...meaning, key };
    groups.set(
      id,
      group[part] === undefined ? { ...group, [part]: named } : { ...group, doubled: [...group.doubled, named] },
    );
  }
  return [...groups.values()];
}

function isMatchedPair(group: PartGroup): group is MatchedPair {
  return group.target !== undefined && group.down !== undefined && group.up !== undefined;
}

function moduleOf(group: MatchedPair, file: LoraFile, metadata: AdapterMetadata): LoraModule {
  const { target, down, up } = group;
  const rank = dimsOf(file, down.key)[0] ?? 0;
  const ownAlpha = group.alpha === undefined ? undefined : (file.alphas.get(group.alpha.key) ?? Number.NaN);
  const own = ownAlpha === undefined ? undefined : { alpha: ownAlpha, scale: ownAlpha / rank };
  const scaling = own ?? metadata.scalingOf(target.component, target.module, rank) ?? { alpha: rank, scale: 1 };
  return { target, down: down.key, up: up.key, rank, ...scaling };
}

function foreignProblems(file: LoraFile, keys: readonly NamedKey[]): readonly Problem[] {
  const foreign = keys.flatMap(({ key, meaning }) => (meaning.kind === 'foreign' ? [{ key, base: meaning.base }] : []));
  const [first] = foreign;
  if (first === undefined) return [];
  const examples = listed(foreign.map(({ key }) => key));
  return [problem(file, 'lora_wrong_base', `was made for another base model (${first.base}): it holds ${examples}`)];
}

function shapeProblems(file: LoraFile, modules: readonly LoraModule[]): readonly Problem[] {
  const wrong = modules.flatMap(({ target, down, up }) => {
    const width = { input: dimsOf(file, down)[1], output: dimsOf(file, up)[0] };
    if (width.input === target.inputWidth && width.output === target.outputWidth) return [];
    const here = `${target.inputWidth} to ${target.outputWidth}`;
    return [`${target.module} takes ${width.input} to ${width.output} in the file and ${here} in the checkpoint`];
  });
  if (wrong.length === 0) return [];
  return [problem(file, 'lora_wrong_base', `was made for another base model: ${listed(wrong)}`)];
}

function methodProblems(file: LoraFile, keys: readonly NamedKey[]): readonly Problem[] {
  const methods = new Map<string, string>();
  for (const { key, meaning } of keys) {
    if (meaning.kind === 'unsupported' && !methods.has(meaning.method)) methods.set(meaning.method, key);
  }
  return [...methods].map(([method, key]) =>
    problem(file, 'unsupported_lora', `uses ${method} (${key}), which is not supported by this version`),
  );
}

function pairProblems(group: PartGroup, file: LoraFile): readonly Problem[] {
  const { down, up, doubled } = group;
  const problems = doubled.map(({ key }) => `names ${group.name} twice, the second time as ${key}`);
  if ((down === undefined) !== (up === undefined)) {
    problems.push(`has ${(down ?? up)?.key} without its ${down === undefined ? 'down' : 'up'} half`);
  }
  if (isMatchedPair(group)) problems.push(...factorFaults(group, file));
  return problems.map((complaint) => problem(file, 'malformed_file', complaint));
}

function factorFaults(group: MatchedPair, file: LoraFile): readonly string[] {
  const down = dimsOf(file, group.down.key);
  const up = dimsOf(file, group.up.key);
  const notFloat = [group.down, group.up].filter(({ key }) => !isFloatDtype(file.tensors.get(key)?.dtype ?? ''));
  if (notFloat.length > 0) {
    const allowed = FLOAT_DTYPES.join(', ');
    return notFloat.map(({ key }) => `has ${key} of type ${file.tensors.get(key)?.dtype}; must be one of ${allowed}`);
  }
  const notLinear = [group.down, group.up].filter(({ key }) => !isLinear(dimsOf(file, key)));
  if (notLinear.length > 0) {
    return notLinear.map(({ key }) => `has ${key} of shape [${dimsOf(file, key)}]; must be a matrix`);
  }
  if (down[0] === 0) return [`has ${group.down.key} of rank 0`];
  if (down[0] === up[1]) return [];
  return [`has rank ${down[0]} in ${group.down.key} and rank ${up[1]} in ${group.up.key}`];
}

/** An alpha of 0 would silence its layer, and no tool writes it on purpose. */
function alphaProblems(file: LoraFile, modules: readonly LoraModule[]): readonly Problem[] {
  const wrong = modules.filter(({ alpha }) => !Number.isFinite(alpha) || alpha === 0);
  return wrong.map(({ alpha, target }) =>
    problem(file, 'malformed_file', `has alpha ${alpha} for ${target.module}; must be a number other than 0`),
  );
}

function unmatchedReason(meaning: LoraKey, matched: ReadonlySet<LoraTarget>): string | undefined {
  if (meaning.kind === 'unmatched') return meaning.reason;
  if (meaning.kind !== 'part') return undefined;
  if (meaning.target === undefined) return reasonUnmatched(meaning.name);
  return matched.has(meaning.target) ? undefined : 'an alpha without factors';
}

function noMatch(file: LoraFile, unmatched: readonly UnmatchedKey[]): Problem {
  const reasons = [...new Set(unmatched.map(({ reason }) => reason))].join('; ');
  const keys = listed(unmatched.map(({ key }) => key));
  return problem(
    file,
    'lora_no_match',
    unmatched.length === 0
      ? 'holds no tensors'
      : `acts on no layer of this checkpoint: ${keys} (${reasons}). Is it a LoRA, and for this base model?`,
  );
}

const LISTED = 3;

function listed(items: readonly string[]): string {
  const more = items.length - LISTED;
  return items.slice(0, LISTED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function problem(file: LoraFile, code: ProblemCode, complaint: string): Problem {
  return { code, subject: file.subject, message: `${file.subject} ${complaint}` };
}

function dimsOf(file: LoraFile, key: string): readonly number[] {
  return file.tensors.get(key)?.dims ?? [];
}

/** A matrix, or a 1x1 convolution, which is one. */
function isLinear(dims: readonly number[]): boolean {
  return dims.length === 2 || (dims.length === 4 && dims[2] === 1 && dims[3] === 1);
}

function isScalar(dims: readonly number[]): boolean {
  return dims.every((dim) => dim === 1);
}
