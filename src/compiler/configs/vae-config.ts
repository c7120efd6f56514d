/** `vae/config.json`: what `AutoencoderKL` can be here. */

import { type Parsed, readConfig } from './config-reader.ts';

export interface VaeConfig {
  readonly latentChannels: number;
  readonly imageChannels: number;
  /** Of each level, from the outermost inwards. A picture is 2^(levels - 1) times as wide as its latent. */
  readonly channels: readonly [number, ...number[]];
  /** Resnets of a level in the encoder; the decoder has one more. */
  readonly layersPerBlock: number;
  readonly normGroups: number;
  /** Latents are divided by it before they are decoded, and multiplied by it when they have been encoded. */
  readonly scalingFactor: number;
  readonly quantConvolution: boolean;
  readonly postQuantConvolution: boolean;
  readonly middleAttention: boolean;
}

export function parseVaeConfig(json: Readonly<Record<string, unknown>>, subject: string): Parsed<VaeConfig> {
  const reader = readConfig(json, subject);
  reader.only({
    act_fn: 'silu',
    in_channels: 3,
    out_channels: 3,
    latents_mean: null,
    latents_std: null,
    shift_factor: null,
  });
  reader.ignore('force_upcast', 'sample_size');

  const channels = reader.counts('block_out_channels', [64]);
  const blocks = {
    down_block_types: reader.choices('down_block_types', ['DownEncoderBlock2D'], ['DownEncoderBlock2D']),
    up_block_types: reader.choices('up_block_types', ['UpDecoderBlock2D'], ['UpDecoderBlock2D']),
  };
  for (const [key, { length }] of Object.entries(blocks)) {
    reader.check(
      length === channels.length,
      `${key} has ${length} blocks; must have ${channels.length}, as block_out_channels`,
    );
  }
  const normGroups = reader.count('norm_num_groups', 32);
  for (const [index, width] of channels.entries()) {
    reader.check(
      width % normGroups === 0,
      `block_out_channels[${index}] is ${width}; must be a multiple of norm_num_groups, ${normGroups}`,
    );
  }
  const value: VaeConfig = {
    latentChannels: reader.count('latent_channels', 4),
    imageChannels: 3,
    channels,
    layersPerBlock: reader.count('layers_per_block', 1),
    normGroups,
    // SD 1.5's file was written before the key existed, and means diffusers' default.
    scalingFactor: reader.number('scaling_factor', 0.18215),
    quantConvolution: reader.flag('use_quant_conv', true),
    postQuantConvolution: reader.flag('use_post_quant_conv', true),
    middleAttention: reader.flag('mid_block_add_attention', true),
  };
  reader.check(value.scalingFactor !== 0, 'scaling_factor is 0; must be another number');
  reader.refuseUnknown();
  return { value, problems: reader.problems };
}
