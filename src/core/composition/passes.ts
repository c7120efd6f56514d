import { assert } from '../assert.ts';
import type { AdapterUse } from '../lora/adapter.ts';
import type { ComposedAdapter, Conditioning, Evaluation, EvaluationPlan, PassPlan, UnetPass } from './method.ts';
import type { AdapterWeights, TextEncoderPolicy } from './options.ts';

/**
 * The parts that the passes of every method are made of. Adapters that act together are listed by sha256, so that a picture does
 * not depend on the order in which a request names them: floating-point sums do. An adapter at weight 0 is left out, which makes it
 * exactly nothing.
 */

/** The texts of an evaluation's passes, in their order: both guidance halves, or the prompt alone. */
export function textsOf(guided: boolean): readonly Conditioning['text'][] {
  return guided ? ['negative', 'prompt'] : ['prompt'];
}

/** The pass of the plain model: no adapter in the U-Net and none in the text encoder. */
export function basePass(text: Conditioning['text']): UnetPass {
  return { adapters: [], conditioning: { text, adapters: [] } };
}

/** The pass of one adapter alone, on a text that is encoded as the policy says; `all` are the adapters of the request. */
export function passOfOne(
  adapter: ComposedAdapter,
  text: Conditioning['text'],
  options: { readonly all: readonly ComposedAdapter[]; readonly policy: TextEncoderPolicy },
): UnetPass {
  const { all, policy } = options;
  const textAdapters = { all, own: [adapter], first: all.slice(0, 1), none: [] }[policy];
  return { adapters: unetUses([adapter]), conditioning: { text, adapters: textUses(textAdapters) } };
}

/** The plan of an evaluation at which the adapters of `full` run whole, nothing comes from a cache, and nothing is remembered. */
export function wholePlan(
  { index, step, timestep }: Evaluation,
  passes: readonly UnetPass[],
  said: {
    readonly leader?: ComposedAdapter;
    readonly weights?: EvaluationPlan['weights'];
    readonly full: readonly ComposedAdapter[];
  },
): PassPlan<null> {
  const { leader, weights = [], full } = said;
  const summary = { evaluation: index, step, timestep, leader: leader?.id ?? null, weights };
  return { passes, summary: { ...summary, full: full.map(({ id }) => id), reuse: [] }, state: null };
}

/**
 * The order in which adapters that predict alone are run and folded: by sha256, so that neither the order of a request nor that of
 * leading moves a bit of the sum.
 */
export function inFoldingOrder(adapters: readonly ComposedAdapter[]): readonly ComposedAdapter[] {
  return adapters.toSorted((one, other) => (one.adapter < other.adapter ? -1 : 1));
}

/** The adapter at its own weight times a factor, in both parts. */
export function scaled(adapter: ComposedAdapter, factor: number): ComposedAdapter {
  const { unet, textEncoder } = adapter.weight;
  return { ...adapter, weight: { unet: unet * factor, textEncoder: textEncoder * factor } };
}

/** The numbers that a composition gives for the adapters, in the order of the adapters. */
export function weightsOf(adapters: readonly ComposedAdapter[], weights: AdapterWeights | null): readonly number[] {
  assert(weights !== null, 'weights that the prompt decides are found before anything is planned');
  return adapters.map(({ id }) => {
    const given = weights.find((weight) => weight.id === id);
    assert(given !== undefined, `there is a weight for ${id}`);
    return given.weight;
  });
}

export function unetUses(adapters: readonly ComposedAdapter[]): readonly AdapterUse[] {
  return canonical(adapters.map(({ adapter, weight }) => ({ adapter, weight: weight.unet })));
}

export function textUses(adapters: readonly ComposedAdapter[]): readonly AdapterUse[] {
  return canonical(adapters.map(({ adapter, weight }) => ({ adapter, weight: weight.textEncoder })));
}

function canonical(uses: readonly AdapterUse[]): readonly AdapterUse[] {
  return uses.filter(({ weight }) => weight !== 0).sort((one, other) => (one.adapter < other.adapter ? -1 : 1));
}
