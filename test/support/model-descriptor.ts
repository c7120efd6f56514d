import type { ModelDescriptor } from '../../src/contract/model-descriptor.ts';
import { UNET } from './composition.ts';
import { TARGETS } from './lora-targets.ts';
import { sd15Scheduler } from './sd15-scheduler.ts';

/** What a worker would publish of a small checkpoint with SD 1.5's scheduler. */
export const descriptor: ModelDescriptor = {
  id: 'tiny',
  sha256: 'f'.repeat(64),
  family: 'sd1',
  device: 'cpu',
  latentChannels: 4,
  latentScale: 8,
  sideMultiple: 16,
  unet: UNET,
  passCosts: {
    // As with SD 1.5, a reuse pass at the outer cut is a small part of a full one. Nothing grows with the size.
    full: { fixed: 100, levels: [] },
    reuse: [
      { cut: { level: 0, layers: 1 }, cost: { fixed: 8, levels: [] } },
      { cut: { level: 0, layers: 3 }, cost: { fixed: 38, levels: [] } },
    ],
  },
  scheduler: sd15Scheduler,
  loraTargets: TARGETS,
  defaults: { width: 128, height: 192, steps: 20, guidance_scale: 7.5, sampler: 'ddim' },
};
