import { assert } from '../core/assert.ts';
import type { CompositionPlanner, Conditioning, Evaluation } from '../core/composition/method.ts';
import type { Tensor } from '../core/tensor/tensor.ts';
import type { EnginePorts } from './ports.ts';

/**
 * The text side of a generation: which texts its passes are conditioned on, each under which LoRAs of the text encoder, encoded
 * once each and all in one go. Which LoRAs those are is the composition's `text_encoder` policy and has been decided by its planner.
 */

export interface EncodedTexts {
  /** [1, positions, width], as the text encoder gave it. */
  of(conditioning: Conditioning): Tensor;
  /** One sentence for each text of which a part had no room. */
  readonly warnings: readonly string[];
}

export async function encodeTexts(options: {
  readonly texts: Readonly<Record<Conditioning['text'], string>>;
  readonly conditionings: readonly Conditioning[];
  readonly ports: Pick<EnginePorts, 'tokenize' | 'encodeText'>;
  readonly signal: AbortSignal;
}): Promise<EncodedTexts> {
  const { texts, ports, signal } = options;
  const distinct = new Map(options.conditionings.map((conditioning) => [keyOf(conditioning), conditioning]));
  const tokens = { prompt: ports.tokenize(texts.prompt), negative: ports.tokenize(texts.negative) };

  const rows = [...distinct.values()].map(({ text, adapters }) => ({ ids: tokens[text].ids, adapters }));
  const encoded = await ports.encodeText(rows, signal);
  const byKey = new Map([...distinct.keys()].map((key, row) => [key, encoded[row]]));

  const used = new Set(options.conditionings.map(({ text }) => text));
  return {
    of(conditioning) {
      const text = byKey.get(keyOf(conditioning));
      assert(text !== undefined, `a pass is conditioned on ${keyOf(conditioning)}, which the plan did not name`);
      return text;
    },
    warnings: (['prompt', 'negative'] as const)
      .filter((text) => used.has(text) && tokens[text].truncated)
      .map((text) => truncationWarning(text, tokens[text].ids.length)),
  };
}

/** Every conditioning of a trajectory. The planner is pure, so walking it ahead of the trajectory changes nothing. */
export function conditioningsOf(planner: CompositionPlanner, evaluations: readonly Evaluation[]): Conditioning[] {
  let state = planner.start;
  return evaluations.flatMap((evaluation) => {
    const plan = planner.plan(evaluation, state);
    state = plan.state;
    return plan.passes.map(({ conditioning }) => conditioning);
  });
}

function keyOf({ text, adapters }: Conditioning): string {
  return [text, ...adapters.map(({ adapter, weight }) => `${adapter}@${weight}`)].join(' ');
}

function truncationWarning(text: Conditioning['text'], positions: number): string {
  const field = text === 'prompt' ? 'prompt' : 'negative_prompt';
  return `${field} is longer than the ${positions - 2} tokens that the text encoder has room for; the rest has no effect`;
}
