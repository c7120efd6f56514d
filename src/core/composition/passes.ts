import type { AdapterUse } from '../lora/adapter.ts';
import type { ComposedAdapter, Conditioning } from './method.ts';

/**
 * The parts that the passes of every method are made of. Adapters that act together are listed by sha256, so that a picture does
 * not depend on the order in which a request names them: floating-point sums do. An adapter at weight 0 is left out, which makes it
 * exactly nothing.
 */

/** The texts of an evaluation's passes, in their order: both guidance halves, or the prompt alone. */
export function textsOf(guided: boolean): readonly Conditioning['text'][] {
  return guided ? ['negative', 'prompt'] : ['prompt'];
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
