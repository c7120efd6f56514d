import type { ResolvedRequest } from '../contract/resolved-request.ts';
import { VERSION } from '../contract/version.ts';
import { InputError, type Problem } from '../core/problem.ts';
import { canonicalJson } from './canonical-json.ts';
import { xmpOf } from './carriers/xmp.ts';
import { CARRIERS } from './recipe-carrier.ts';

/**
 * The recipe that a picture carries: everything needed to make it again. It is canonical JSON (keys sorted, no blanks) with no id,
 * clock, device or door in it, so the same request gives the same file wherever it was made.
 */

export interface Recipe {
  /** Which picture of the request, from 0. */
  readonly image: number;
  readonly request: ResolvedRequest;
  readonly seed: number;
  readonly version: string;
}

export function recipeOf(request: ResolvedRequest, image: number): string {
  const recipe: Recipe = { image, request, seed: request.seed + image, version: VERSION };
  return canonicalJson(recipe);
}

/** Empty for every request but those whose prompts are of characters that take six bytes each, for a JPEG. */
export function recipeProblems(request: ResolvedRequest): readonly Problem[] {
  const { format, metadata } = request.output;
  if (metadata === false) return [];
  const max = CARRIERS[format].recipeBytesMax;
  if (max === null) return [];
  const bytes = xmpOf(recipeOf(request, request.n - 1)).length - xmpOf('').length;
  if (bytes <= max) return [];
  const subject = 'output.format';
  const message = `${subject} is "${format}", which holds a recipe of ${max} bytes; this one has ${bytes}: shorten the prompts, or choose png or webp`;
  return [{ code: 'invalid_request', subject, message }];
}

/**
 * The recipe in a picture's file. Its request is as the file has it: whoever makes the picture again has it checked first
 * (`contract/replay-request.ts`). `subject` names the file in messages. Throws an InputError (`malformed_file`) where there is none.
 */
export function readRecipe(file: Uint8Array, subject: string): Recipe {
  const carrier = Object.values(CARRIERS).find((candidate) => candidate.isOwn(file));
  if (carrier === undefined) throw malformed(subject, 'is no PNG, WebP or JPEG');
  const text = carrier.read(file);
  if (text === undefined) throw malformed(subject, 'carries no recipe of Overtone');
  try {
    const recipe: unknown = JSON.parse(text);
    if (isRecipe(recipe)) return recipe;
  } catch (cause) {
    throw malformed(subject, 'carries a recipe that is not JSON', cause);
  }
  throw malformed(subject, 'carries a recipe without image, request, seed and version');
}

function isRecipe(value: unknown): value is Recipe {
  if (typeof value !== 'object' || value === null) return false;
  const { image, request, seed, version } = value as Readonly<Record<string, unknown>>;
  const isRequest = typeof request === 'object' && request !== null && !Array.isArray(request);
  return isRequest && isCount(image) && isCount(seed) && typeof version === 'string';
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function malformed(subject: string, complaint: string, cause?: unknown): InputError {
  return new InputError([{ code: 'malformed_file', subject, message: `${subject} ${complaint}` }], { cause });
}
