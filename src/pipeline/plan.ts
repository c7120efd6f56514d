import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import type { ResolvedRequest } from '../contract/resolved-request.ts';
import { planComposition } from '../core/composition/index.ts';
import type { CompositionPlanner, Evaluation } from '../core/composition/method.ts';

/**
 * The planner of a resolved request: what runs at every evaluation, and how it is folded. The same one answers `Plan` and drives the
 * denoising, so the plan's passes are the passes that run.
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

/** At a scale of 1 or less the unconditional prediction has no effect that people mean, and diffusers runs no pass for it. */
function isGuided(guidanceScale: number): boolean {
  return guidanceScale > 1;
}
