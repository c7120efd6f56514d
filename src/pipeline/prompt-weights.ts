import type { ResolvedRequest } from '../contract/resolved-request.ts';
import { assert } from '../core/assert.ts';
import { meanOverPositions, promptWeights, weighingsOf, withEqualWeights } from '../core/composition/prompt-weights.ts';
import type { EnginePorts } from './ports.ts';

/**
 * The weights of W-Switch and W-Composite, which come from the text encoder and so are not known where a request is resolved: found
 * before the first evaluation, and assumed by a plan that has no engine. Every other request, and one that brings its weights, stays
 * as it is.
 */

export async function weighByPrompt(
  request: ResolvedRequest,
  ports: Pick<EnginePorts, 'tokenize' | 'encodeText'>,
  signal: AbortSignal,
): Promise<ResolvedRequest> {
  const composition = unweighed(request);
  if (composition === null) return request;
  const { method, triggers } = composition;
  const weighings = weighingsOf(method, request.prompt, triggers);
  const texts = [request.prompt, ...weighings.flatMap((weighing) => ('text' in weighing ? [weighing.text] : []))];
  const rows = texts.map((text) => ({ ids: ports.tokenize(text).ids, adapters: [] }));
  const [prompt, ...vectors] = (await ports.encodeText(rows, signal)).map(meanOverPositions);
  assert(prompt !== undefined, 'the prompt is encoded');
  const weights = promptWeights(method, triggers, {
    prompt,
    weighings: weighings.map((weighing) => ('text' in weighing ? (vectors.shift() ?? 0) : weighing.weight)),
  });
  return { ...request, composition: { ...composition, weights } };
}

/** The request with weights that are all alike, where the prompt would decide them, and a sentence that says so. */
export function assumeWeights(request: ResolvedRequest): {
  readonly request: ResolvedRequest;
  readonly warnings: readonly string[];
} {
  const composition = unweighed(request);
  if (composition === null) return { request, warnings: [] };
  const note = `the weights of ${composition.method} come from the text encoder, which a plan does not run; they are taken to be equal, which changes who acts when and not what it costs`;
  return {
    request: { ...request, composition: withEqualWeights(composition) },
    warnings: [note],
  };
}

/** The composition whose weights the prompt decides; null where there is none. */
function unweighed({ composition, loras }: ResolvedRequest) {
  if (composition.method !== 'w-switch' && composition.method !== 'w-composite') return null;
  return composition.weights === null && loras.length > 0 ? composition : null;
}
