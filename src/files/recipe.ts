import type { ResolvedRequest } from '../contract/resolved-request.ts';
import { VERSION } from '../contract/version.ts';

/**
 * The recipe that a picture carries: everything needed to make it again. It is canonical JSON (keys sorted, no blanks) with no id,
 * clock, device or door in it, so the same request gives the same file wherever it was made.
 */
export function recipeOf(request: ResolvedRequest, image: number): string {
  return canonicalJson({ image, request, seed: request.seed + image, version: VERSION });
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (inner === null || typeof inner !== 'object' || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
