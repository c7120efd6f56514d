import type { PassCounts } from '../contract/generation-result.ts';
import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import type { ResolvedRequest } from '../contract/resolved-request.ts';
import { planComposition } from '../core/composition/index.ts';
import type { CompositionPlanner, Evaluation, EvaluationPlan } from '../core/composition/method.ts';
import { SAMPLERS } from '../core/samplers/index.ts';

/**
 * A resolved request to its composition plan, from the model descriptor alone: what runs at every evaluation and how often the U-Net
 * runs in all. The same planner then drives the denoising, so the plan's passes are the passes that run.
 */

export function plannerFor(
  request: ResolvedRequest,
  model: ModelDescriptor,
  evaluations: readonly Evaluation[],
): CompositionPlanner {
  return planComposition(request.composition, {
    adapters: request.loras.map((lora) => ({
      adapter: lora.sha256,
      id: lora.id,
      weight: { unet: lora.weight.unet, textEncoder: lora.weight.text_encoder },
      frequencyClass: lora.frequency_class,
      frequencyClassAssumed: lora.frequency_class_assumed,
    })),
    evaluations,
    trainTimestepCount: model.scheduler.trainTimestepCount,
    guided: isGuided(request.guidance_scale),
  });
}

/** The plan of one image, which is that of every image, and the passes over all `n` images. */
export function planOf(
  request: ResolvedRequest,
  model: ModelDescriptor,
): { readonly evaluations: readonly EvaluationPlan[]; readonly passes: PassCounts } {
  const evaluations = SAMPLERS[request.sampler].evaluations(model.scheduler, request.steps);
  const planner = plannerFor(request, model, evaluations);
  const summaries: EvaluationPlan[] = [];
  const passes = { full: 0, reuse: 0 };
  let state = planner.start;
  for (const evaluation of evaluations) {
    const plan = planner.plan(evaluation, state);
    summaries.push(plan.summary);
    for (const { cache } of plan.passes) passes[cache?.mode === 'reuse' ? 'reuse' : 'full'] += request.n;
    state = plan.state;
  }
  return { evaluations: summaries, passes };
}

/** At a scale of 1 or less the unconditional prediction has no effect that people mean, and diffusers runs no pass for it. */
function isGuided(guidanceScale: number): boolean {
  return guidanceScale > 1;
}
