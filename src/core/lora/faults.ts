import type { Problem, ProblemCode } from '../problem.ts';
import { FLOAT_DTYPES, isFloatDtype } from '../safetensors/decode-floats.ts';
import type { LoraKey } from './lora-key.ts';
import { dimsOf, type LoraFile, type LoraModule } from './lora-module.ts';
import { isMatchedPair, type MatchedPair, type PartGroup } from './part-groups.ts';

/**
 * Everything that can be wrong with a LoRA file as a whole, in words: made for another base model, of a kind that cannot be applied,
 * or damaged. That a key acts on nothing is no fault, but a line of the receipt.
 */

export interface NamedKey {
  readonly key: string;
  readonly meaning: LoraKey;
}

/** `modules` are those whose factors have no fault. */
export function faultsOf(
  file: LoraFile,
  read: {
    readonly keys: readonly NamedKey[];
    readonly groups: readonly PartGroup[];
    readonly modules: readonly LoraModule[];
  },
): readonly Problem[] {
  const { keys, groups, modules } = read;
  const damages = [...groups.flatMap((group) => groupFaults(group, file)), ...modules.flatMap(alphaFaults)];
  return [
    ...foreignProblems(file, keys),
    ...shapeProblems(file, modules),
    ...methodProblems(file, keys),
    ...damageProblems(file, damages),
  ];
}

/** Why a pair's factors cannot be multiplied; empty where they can. */
export function factorFaults({ down, up }: MatchedPair, file: LoraFile): readonly string[] {
  const halves = [down.key, up.key].map((key) => ({ key, dims: dimsOf(file, key), dtype: dtypeOf(file, key) }));
  const notFloat = halves.filter(({ dtype }) => !isFloatDtype(dtype));
  if (notFloat.length > 0) {
    return notFloat.map(({ key, dtype }) => `has ${key} of type ${dtype}; must be one of ${FLOAT_DTYPES.join(', ')}`);
  }
  const notLinear = halves.filter(({ dims }) => !isLinear(dims));
  if (notLinear.length > 0) return notLinear.map(({ key, dims }) => `has ${key} of shape [${dims}]; must be a matrix`);
  const [rankDown, rankUp] = [dimsOf(file, down.key)[0], dimsOf(file, up.key)[1]];
  if (rankDown === 0) return [`has ${down.key} of rank 0`];
  return rankDown === rankUp ? [] : [`has rank ${rankDown} in ${down.key} and rank ${rankUp} in ${up.key}`];
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

/** One problem for each kind, with the first key that shows it. */
function methodProblems(file: LoraFile, keys: readonly NamedKey[]): readonly Problem[] {
  const firstKeys = new Map<string, string>();
  for (const { key, meaning } of keys) {
    if (meaning.kind === 'unsupported' && !firstKeys.has(meaning.method)) firstKeys.set(meaning.method, key);
  }
  return [...firstKeys].map(([method, key]) =>
    problem(file, 'unsupported_lora', `uses ${method} (${key}), which is not supported by this version`),
  );
}

function groupFaults(group: PartGroup, file: LoraFile): readonly string[] {
  const { down, up, doubled, name } = group;
  const halfOnly =
    (down === undefined) === (up === undefined)
      ? []
      : [`has ${(down ?? up)?.key} without its ${down === undefined ? 'down' : 'up'} half`];
  return [
    ...doubled.map(({ key }) => `names ${name} twice, the second time as ${key}`),
    ...halfOnly,
    ...(isMatchedPair(group) ? factorFaults(group, file) : []),
  ];
}

/** An alpha of 0 would silence its layer, and no tool writes it on purpose. */
function alphaFaults({ alpha, target }: LoraModule): readonly string[] {
  const isUsable = Number.isFinite(alpha) && alpha !== 0;
  return isUsable ? [] : [`has alpha ${alpha} for ${target.module}; must be a number other than 0`];
}

/** A damaged file can have a fault for each of its keys; this many are enough to see what happened. */
const DAMAGES_SHOWN = 8;

function damageProblems(file: LoraFile, damages: readonly string[]): readonly Problem[] {
  const more = damages.length - DAMAGES_SHOWN;
  const shown = [...damages.slice(0, DAMAGES_SHOWN), ...(more > 0 ? [`has ${more} more faults`] : [])];
  return shown.map((complaint) => problem(file, 'malformed_file', complaint));
}

const LISTED = 3;

/** The first few of a list that may be long. */
export function listed(items: readonly string[]): string {
  const more = items.length - LISTED;
  return items.slice(0, LISTED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

export function problem(file: LoraFile, code: ProblemCode, complaint: string): Problem {
  return { code, subject: file.subject, message: `${file.subject} ${complaint}` };
}

function dtypeOf(file: LoraFile, key: string): string {
  return file.tensors.get(key)?.dtype ?? '';
}

/** A matrix, or a 1x1 convolution, which is one. */
function isLinear(dims: readonly number[]): boolean {
  return dims.length === 2 || (dims.length === 4 && dims[2] === 1 && dims[3] === 1);
}
