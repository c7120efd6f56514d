import { everyCut } from '../compiler/cache-split.ts';
import type { Checkpoint } from '../compiler/checkpoint.ts';
import { loraTargetsOf } from '../compiler/lora-targets.ts';
import { unetPassCost } from '../compiler/unet-cost.ts';
import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import type { CheckpointDefaults } from '../files/checkpoint-defaults.ts';

/** What others need to know of a checkpoint without having it: see `contract/model-descriptor.ts`. */

/** What people run Stable Diffusion 1.x with, where the checkpoint does not say otherwise. */
const STEPS = 25;
const GUIDANCE_SCALE = 7.5;

export function describeModel(checkpoint: Checkpoint, defaults: CheckpointDefaults, device: string): ModelDescriptor {
  const { unet, vae, scheduler } = checkpoint;
  const latentScale = 2 ** (vae.config.channels.length - 1);
  const side = unet.config.sampleSize * latentScale;
  return Object.freeze({
    id: checkpoint.id,
    sha256: checkpoint.sha256,
    family: 'sd1',
    device,
    latentChannels: unet.config.latentChannels,
    latentScale,
    // The graphs upsample to the size of the skip that follows, so odd latents are fine and the VAE alone sets the step.
    sideMultiple: latentScale,
    unet: { layersPerBlock: unet.config.layersPerBlock, levels: unet.config.levels.length },
    passCosts: passCostsOf(checkpoint),
    scheduler,
    loraTargets: loraTargetsOf(checkpoint),
    defaults: {
      width: defaults.width ?? side,
      height: defaults.height ?? side,
      steps: defaults.steps ?? STEPS,
      guidance_scale: defaults.guidance_scale ?? GUIDANCE_SCALE,
      sampler: defaults.sampler ?? scheduler.defaultSampler,
    },
  });
}

function passCostsOf({ unet: { config }, tokenizer }: Checkpoint): ModelDescriptor['passCosts'] {
  const tokens = tokenizer.positions;
  const reuse = everyCut(config).map((cut) => ({ cut, cost: unetPassCost(config, tokens, cut) }));
  return { full: unetPassCost(config, tokens), reuse };
}
