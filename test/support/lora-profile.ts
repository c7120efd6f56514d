import type { LoraProfile } from '../../src/contract/lora-profile.ts';
import type { SpaceProfile } from '../../src/core/frequency/profile.ts';

/** A profile such as one measures, for tests that measure nothing. */
export function loraProfile(rest: Partial<LoraProfile> = {}): LoraProfile {
  return {
    model_sha256: 'a'.repeat(64),
    lora_sha256: 'b'.repeat(64),
    settings: {
      revision: 1,
      prompts: ['a fox', 'a house', 'a tree', 'a boat'],
      seeds: [0, 1, 2, 3],
      steps: 20,
      guidance_scale: 7.5,
      width: 64,
      height: 64,
      level_count: 4,
      interval: 2,
    },
    noise_levels: [850, 600, 350, 100].map((timestep) => ({ timestep, alpha_bar: 1 - timestep / 1000 })),
    latent: spaceProfile(0.4),
    pixel: spaceProfile(0.6),
    paper: {
      picture: 0.5,
      base_picture: 0.4,
      change: { raw: [0.1, -0.2, 0.05], log: [0.01, -0.02, 0.005] },
      base_change: { raw: [0.1, -0.1, 0], log: [0.01, -0.01, 0] },
    },
    ...rest,
  };
}

/** The same score at every level, by either half of the seeds. */
export function spaceProfile(score: number, strength = 0.1): SpaceProfile {
  const spectrum = [0, 1 - score, ...new Array<number>(4).fill(score / 4)];
  const levels = [1, 2, 3, 4].map(() => ({ score, strength, spectrum }));
  return { score, halves: [score, score], strength, levels };
}
