import type {
  ComposedAdapter,
  CompositionPlanner,
  CompositionSetup,
  Evaluation,
  FrequencyClass,
  PassPlan,
} from '../../src/core/composition/method.ts';
import type {
  CmloraComposition,
  Composition,
  RequestedCmlora,
  RequestedComposition,
} from '../../src/core/composition/options.ts';
import { withEqualWeights } from '../../src/core/composition/prompt-weights.ts';
import { resolveComposition } from '../../src/core/composition/resolve-composition.ts';

/** Setups and trajectories for tests of composition. */

export const UNET = { layersPerBlock: 2, levels: 4 };

/** One adapter for each class: `a` at sha256 `sha-a`, `b`, and so on. */
export function adaptersOf(...classes: readonly FrequencyClass[]): readonly ComposedAdapter[] {
  return classes.map((frequencyClass, index) => {
    const id = String.fromCharCode('a'.charCodeAt(0) + index);
    const weight = { unet: 1 - index / 100, textEncoder: 0.5 + index / 100 };
    return { id, adapter: `sha-${id}`, weight, frequencyClass, frequencyClassAssumed: false };
  });
}

/** `count` evaluations, one a step, from timestep 999 down in even spaces. */
export function evaluationsOf(count: number): readonly Evaluation[] {
  return Array.from({ length: count }, (_, index) => ({
    index,
    step: index,
    timestep: 999 - Math.floor((index * 1000) / count),
  }));
}

export function setupOf(
  adapters: readonly ComposedAdapter[],
  evaluationCount: number,
  rest: Partial<CompositionSetup> = {},
): CompositionSetup {
  const evaluations = evaluationsOf(evaluationCount);
  return { adapters, evaluations, trainTimestepCount: 1000, guided: true, ...rest };
}

/** The composition of a request, as it is planned: weights that the prompt would decide are all alike. */
export function compositionOf(requested: RequestedComposition, setup: CompositionSetup): Composition {
  const context = {
    loraIds: setup.adapters.map(({ id }) => id),
    evaluationCount: setup.evaluations.length,
    unet: UNET,
  };
  return withEqualWeights(resolveComposition(requested, context));
}

/** cmlora with the paper's `uncond: per_lora`, so that both guidance halves have passes to look at. */
export function cmloraOf(setup: CompositionSetup, options: Omit<RequestedCmlora, 'method'> = {}): CmloraComposition {
  const composition = compositionOf({ uncond: 'per_lora', ...options, method: 'cmlora' }, setup);
  if (composition.method !== 'cmlora') throw new Error('cmlora resolves to cmlora');
  return composition;
}

/** The plans of a whole trajectory. */
export function plansOf(planner: CompositionPlanner, setup: CompositionSetup): readonly PassPlan<unknown>[] {
  const plans: PassPlan<unknown>[] = [];
  let state = planner.start;
  for (const evaluation of setup.evaluations) {
    const plan = planner.plan(evaluation, state);
    plans.push(plan);
    state = plan.state;
  }
  return plans;
}
