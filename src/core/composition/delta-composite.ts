import { assert } from '../assert.ts';
import { fold } from './fold.ts';
import type { CompositionPlanner, CompositionSetup, Conditioning } from './method.ts';
import type { DeltaCompositeComposition } from './options.ts';
import { basePass, inFoldingOrder, passOfOne, textsOf, wholePlan } from './passes.ts';

/**
 * Composite of differences (cmlora.md, D): what each adapter changes of the plain model's prediction is added up,
 * eps = eps_base + scale * sum_j (eps_j - eps_base), so that N adapters do not dilute each other as in a mean. The plain model's own
 * weight is 1 - N * scale; where that is 0, as for one adapter at scale 1, it does not run.
 */
export function planDeltaComposite(
  composition: DeltaCompositeComposition,
  setup: CompositionSetup,
): CompositionPlanner<null> {
  const { adapters, guided } = setup;
  const { scale, uncond, text_encoder: policy } = composition;
  const baseWeight = 1 - adapters.length * scale;
  const terms = textsOf(guided).flatMap((text) => {
    if (text === 'negative' && uncond === 'base') return [{ pass: basePass(text), weight: 1 }];
    const base = baseWeight === 0 ? [] : [{ pass: basePass(text), weight: baseWeight }];
    return [
      ...base,
      ...inFoldingOrder(adapters).map((adapter) => ({
        pass: passOfOne(adapter, text, { all: adapters, policy }),
        weight: scale,
      })),
    ];
  });
  const passes = terms.map(({ pass }) => pass);
  const weights = adapters.map(({ id }) => ({ id, weight: scale }));
  return {
    start: null,
    plan: (evaluation) => wholePlan(evaluation, passes, { weights, full: adapters }),
    combine(_plan, predictions) {
      assert(predictions.length === terms.length, 'one prediction for each pass');
      const isOf = (text: Conditioning['text']) => (_: unknown, place: number) =>
        terms[place]?.pass.conditioning.text === text;
      const half = (text: Conditioning['text']) =>
        fold(
          terms.filter(isOf(text)).map(({ weight }) => weight),
          predictions.filter(isOf(text)),
        );
      return { uncond: guided ? half('negative') : null, cond: half('prompt') };
    },
  };
}
