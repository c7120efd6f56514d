import type { ResolvedRequest } from '../contract/resolved-request.ts';
import { VERSION } from '../contract/version.ts';
import { canonicalJson } from './canonical-json.ts';

/**
 * The recipe that a picture carries: everything needed to make it again. It is canonical JSON (keys sorted, no blanks) with no id,
 * clock, device or door in it, so the same request gives the same file wherever it was made.
 */
export function recipeOf(request: ResolvedRequest, image: number): string {
  return canonicalJson({ image, request, seed: request.seed + image, version: VERSION });
}
