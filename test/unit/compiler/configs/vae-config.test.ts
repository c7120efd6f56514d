import { expect, test } from 'vitest';
import { parseVaeConfig } from '../../../../src/compiler/configs/vae-config.ts';
import configs from '../../../support/sd15-configs.json' with { type: 'json' };

/** Stable Diffusion 1.5's vae/config.json, as published: from before `scaling_factor`. */
const SD15 = configs['vae/config.json'];

const parse = (changes: Record<string, unknown>) => parseVaeConfig({ ...SD15, ...changes }, 'vae/config.json');

test("Stable Diffusion 1.5's own config is understood", () => {
  expect(parse({})).toEqual({
    value: {
      latentChannels: 4,
      imageChannels: 3,
      channels: [128, 256, 512, 512],
      layersPerBlock: 2,
      normGroups: 32,
      scalingFactor: 0.18215,
      quantConvolution: true,
      postQuantConvolution: true,
      middleAttention: true,
    },
    problems: [],
  });
});

test.each([
  [{ shift_factor: 0.1 }, 'shift_factor is 0.1; must be null'],
  [{ latents_mean: [0, 0, 0, 0] }, 'latents_mean is [0,0,0,0]; must be null'],
  [{ up_block_types: ['UpDecoderBlock2D'] }, 'up_block_types has 1 blocks; must have 4'],
  [{ down_block_types: ['DownEncoderBlock2D'] }, 'down_block_types has 1 blocks; must have 4'],
  [
    { down_block_types: ['AttnDownEncoderBlock2D'] },
    'down_block_types is ["AttnDownEncoderBlock2D"]; must be a list of',
  ],
  [{ scaling_factor: 0 }, 'scaling_factor is 0; must be another number'],
  [{ norm_num_groups: 96 }, 'must be a multiple of norm_num_groups, 96'],
])('%o is refused by name', (changes, message) => {
  expect(
    parse(changes)
      .problems.map((problem) => problem.message)
      .join('\n'),
  ).toContain(message);
});
