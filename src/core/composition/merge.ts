import { assert } from '../assert.ts';
import type { CompositionPlanner, CompositionSetup } from './method.ts';
import type { MergeComposition } from './options.ts';
import { scaled, textsOf, textUses, unetUses, wholePlan } from './passes.ts';

/**
 * LoRA Merge: all adapters act at once, in one pass (Multi-LoRA-Composition, arXiv 2402.16843, its baseline), each at its weight times
 * `scale`. The same at every evaluation. With no adapters it is the plain base model.
 */
export function planMerge(composition: MergeComposition, setup: CompositionSetup): CompositionPlanner<null> {
  const { guided } = setup;
  const adapters = setup.adapters.map((adapter) => scaled(adapter, composition.scale));
  const conditioning = composition.text_encoder === 'none' ? [] : textUses(adapters);
  const passes = textsOf(guided).map((text) => ({
    adapters: unetUses(adapters),
    conditioning: { text, adapters: conditioning },
  }));
  return {
    start: null,
    plan: (evaluation) => wholePlan(evaluation, passes, { full: adapters }),
    combine(_plan, predictions) {
      const [first, second] = predictions;
      assert(first !== undefined && guided === (second !== undefined), 'one prediction for each pass');
      return second === undefined ? { uncond: null, cond: first } : { uncond: first, cond: second };
    },
  };
}
