import { assert } from '../assert.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { CompositionPlanner, CompositionSetup } from './method.ts';
import type { LoratorioLikeComposition } from './options.ts';
import { basePass, inFoldingOrder, passOfOne, textsOf, wholePlan } from './passes.ts';
import { foldPatches } from './patch-fold.ts';

/**
 * After LoRAtorio (arXiv 2508.11624), of which only the abstract was at hand, hence `like`: the latent is cut into patches, and in each
 * an adapter counts the more the less its prediction resembles the plain model's, because an adapter that knows nothing of what is
 * there predicts as if it were not there. Guidance leads away from the plain model's unconditional prediction. The adapters run on
 * the prompt alone and the plain model on both texts: N + 2 rows.
 */
export function planLoratorioLike(
  composition: LoratorioLikeComposition,
  setup: CompositionSetup,
): CompositionPlanner<null> {
  const { adapters, guided } = setup;
  const { patches, temperature, text_encoder: policy } = composition;
  const baseTexts = textsOf(guided);
  const passes = [
    ...baseTexts.map(basePass),
    ...inFoldingOrder(adapters).map((adapter) => passOfOne(adapter, 'prompt', { all: adapters, policy })),
  ];
  return {
    start: null,
    plan: (evaluation) => wholePlan(evaluation, passes, { full: adapters }),
    combine(_plan, predictions) {
      assert(predictions.length === passes.length, 'one prediction for each pass');
      const ofBase = (text: 'negative' | 'prompt'): Tensor | null => predictions[baseTexts.indexOf(text)] ?? null;
      const base = ofBase('prompt');
      assert(base !== null, 'the plain model always predicts on the prompt');
      const own = predictions.slice(baseTexts.length);
      return { uncond: ofBase('negative'), cond: foldPatches(base, own, { patches, temperature }) };
    },
  };
}
