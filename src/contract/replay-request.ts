import { InputError } from '../core/problem.ts';
import { type GenerationRequest, parseGenerationRequest } from './generation-request.ts';
import type { ResolvedRequest } from './resolved-request.ts';

/**
 * A resolved request as the request that asks for the same again, with everything said that was left to a default. It goes through the
 * check of every request, so it may come from a file that anyone has made. LoRAs keep the names by which the request called them;
 * which bytes they are is for the catalog to say.
 */
export function replayRequest(resolved: ResolvedRequest): GenerationRequest {
  const { model_sha256: _, loras, composition, ...rest } = resolved;
  if (!Array.isArray(loras)) throw notARequest('loras');
  const asked = loras.map(({ id, weight, frequency_class }) => ({ id, weight, frequency_class }));
  return parseGenerationRequest({ ...rest, loras: asked, composition: withoutNulls(composition) });
}

/** A null of a resolved composition stands for what the request left out. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) => (inner === null ? [] : [[name, withoutNulls(inner)]])),
  );
}

function notARequest(subject: string): InputError {
  return new InputError([
    { code: 'malformed_file', subject, message: `${subject} is missing; must be as in a recipe of Overtone` },
  ]);
}
