import type { Tensor } from '../tensor/tensor.ts';
import type { AdapterWeights, Composition, PromptWeighing } from './options.ts';

/**
 * Weights of adapters by what the prompt means without them or by their triggers alone (prompt-aware multi-LoRA composition, arXiv
 * 2606.03792; cmlora.md, F). A text stands for the mean over all positions of the text encoder's last hidden state, with no LoRA in it.
 *
 * - `w-switch`: how much the prompt changes when an adapter's trigger phrases are taken out of it, 1 - cos.
 * - `w-composite`: how near an adapter's trigger phrases alone are to the prompt, cos.
 *
 * Which texts to encode is decided here, and what their vectors mean; encoding is the caller's.
 */

export type WeighingMethod = 'w-switch' | 'w-composite';

/** A text whose vector says the weight, or the weight itself where there is nothing to encode. Not yet normalised. */
type Weighing = { readonly text: string } | { readonly weight: number };

/** One for each entry of `triggers`. */
export function weighingsOf(
  method: WeighingMethod,
  prompt: string,
  triggers: PromptWeighing['triggers'],
): readonly Weighing[] {
  return triggers.map(({ phrases }) => {
    if (phrases.length === 0) return { weight: method === 'w-switch' ? UNTRIGGERED : 0 };
    if (method === 'w-composite') return { text: phrases.join(', ') };
    const rest = withoutPhrases(prompt, phrases);
    return rest.length < SHORTEST_REST ? { weight: WHOLE_PROMPT } : { text: rest };
  });
}

/** Weights that sum to 1; all alike where the prompt says nothing of any adapter. `vectors` are those of the weighings with a text, in order. */
export function promptWeights(
  method: WeighingMethod,
  triggers: PromptWeighing['triggers'],
  encoded: { readonly prompt: Float64Array; readonly weighings: readonly (Float64Array | number)[] },
): AdapterWeights {
  const raw = encoded.weighings.map((weighing) => {
    if (typeof weighing === 'number') return weighing;
    const similarity = cosine(encoded.prompt, weighing);
    return method === 'w-switch' ? Math.max(1 - similarity, LEAST_CHANGE) : Math.max(similarity, 0);
  });
  const sum = raw.reduce((total, weight) => total + weight, 0);
  return triggers.map(({ id }, index) => ({ id, weight: sum === 0 ? 1 / raw.length : (raw[index] ?? 0) / sum }));
}

/** The composition with weights that are all alike, where the prompt would decide them: for a plan with no text encoder in reach. */
export function withEqualWeights(composition: Composition): Composition {
  if (!('triggers' in composition) || composition.weights !== null) return composition;
  const { triggers } = composition;
  return { ...composition, weights: triggers.map(({ id }) => ({ id, weight: 1 / triggers.length })) };
}

/** The mean over positions of [1, positions, width]. */
export function meanOverPositions({ data, dims }: Tensor): Float64Array {
  const [, positions = 1, width = data.length] = dims;
  const mean = new Float64Array(width);
  for (let i = 0; i < data.length; i++) mean[i % width] = (mean[i % width] ?? 0) + (data[i] ?? 0) / positions;
  return mean;
}

/** The authors' constants: of a LoRA without triggers, of one whose triggers are the whole prompt, and below which no weight falls. */
const UNTRIGGERED = 0.1;
const WHOLE_PROMPT = 2;
const LEAST_CHANGE = 0.05;
/** In characters: less of a prompt says nothing. */
const SHORTEST_REST = 5;

/** The text with whole-word, case-insensitive occurrences of the phrases taken out, and no comma left that separates nothing. */
export function withoutPhrases(text: string, phrases: readonly string[]): string {
  const rest = phrases.reduce((left, phrase) => left.replace(wholeWords(phrase), ''), text);
  return rest
    .split(',')
    .map((part) => part.trim().replace(/\s+/gu, ' '))
    .filter((part) => part !== '')
    .join(', ');
}

function wholeWords(phrase: string): RegExp {
  const literal = phrase.trim().replace(/[\\^$.*+?()[\]{}|/-]/gu, '\\$&');
  return new RegExp(`(?<![\\p{L}\\p{N}_])${literal}(?![\\p{L}\\p{N}_])`, 'giu');
}

function cosine(one: Float64Array, other: Float64Array): number {
  const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
  const squares = dot(one, one) * dot(other, other);
  return squares === 0 ? 0 : dot(one, other) / Math.sqrt(squares);
}
