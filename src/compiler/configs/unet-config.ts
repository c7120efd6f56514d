/** `unet/config.json`: what `UNet2DConditionModel` can be here, and every key that would make it something else. */

import { type ConfigReader, type Parsed, readConfig } from './config-reader.ts';

/** One resolution of the U-Net, from the outermost inwards. */
export interface UnetLevel {
  readonly channels: number;
  /** Of its attention layers, where it has any. */
  readonly heads: number;
  readonly downAttention: boolean;
  readonly upAttention: boolean;
}

export interface UnetConfig {
  readonly latentChannels: number;
  /** Latent cells along a side of the pictures it was trained on: a default, no bound. */
  readonly sampleSize: number;
  readonly levels: readonly [UnetLevel, ...UnetLevel[]];
  /** Resnets of a level on the way down; one more on the way up. */
  readonly layersPerBlock: number;
  readonly normGroups: number;
  readonly normEpsilon: number;
  /** Width of the text's hidden states. */
  readonly textWidth: number;
  readonly flipSinToCos: boolean;
  readonly freqShift: number;
}

/** Features of `UNet2DConditionModel` that are not implemented, each with the value that means "not used". */
const UNUSED = {
  addition_embed_type: null,
  addition_time_embed_dim: null,
  attention_type: 'default',
  act_fn: 'silu',
  center_input_sample: false,
  class_embed_type: null,
  class_embeddings_concat: false,
  conv_in_kernel: 3,
  conv_out_kernel: 3,
  cross_attention_norm: null,
  downsample_padding: 1,
  dual_cross_attention: false,
  encoder_hid_dim: null,
  encoder_hid_dim_type: null,
  mid_block_only_cross_attention: null,
  mid_block_scale_factor: 1,
  mid_block_type: 'UNetMidBlock2DCrossAttn',
  num_attention_heads: null,
  num_class_embeds: null,
  only_cross_attention: false,
  projection_class_embeddings_input_dim: null,
  resnet_out_scale_factor: 1,
  resnet_skip_time_act: false,
  resnet_time_scale_shift: 'default',
  reverse_transformer_layers_per_block: null,
  time_cond_proj_dim: null,
  time_embedding_act_fn: null,
  time_embedding_dim: null,
  time_embedding_type: 'positional',
  timestep_post_act: null,
  transformer_layers_per_block: 1,
};

/** diffusers' defaults, which are Stable Diffusion 1's. */
const SD1_DOWN = ['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D'] as const;
const SD1_UP = ['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'] as const;

export function parseUnetConfig(json: Readonly<Record<string, unknown>>, subject: string): Parsed<UnetConfig> {
  const reader = readConfig(json, subject);
  reader.only(UNUSED);
  // Of training; seen in the weights' shapes; about half precision; of a feature that is refused above.
  reader.ignore('dropout', 'use_linear_projection', 'upcast_attention', 'addition_embed_type_num_heads');

  const latentChannels = reader.count('in_channels', 4);
  const outChannels = reader.count('out_channels', 4);
  reader.check(
    outChannels === latentChannels,
    `out_channels is ${outChannels}; must equal in_channels, ${latentChannels}`,
  );

  const normGroups = reader.count('norm_num_groups', 32);
  const value: UnetConfig = {
    latentChannels,
    sampleSize: reader.count('sample_size', 64),
    levels: readLevels(reader, normGroups),
    layersPerBlock: reader.count('layers_per_block', 2),
    normGroups,
    normEpsilon: reader.number('norm_eps', 1e-5),
    textWidth: reader.count('cross_attention_dim', 1280),
    flipSinToCos: reader.flag('flip_sin_to_cos', true),
    freqShift: reader.number('freq_shift', 0),
  };
  const sinusoids = value.levels[0].channels / 2;
  reader.check(value.freqShift < sinusoids, `freq_shift is ${value.freqShift}; must be less than ${sinusoids}`);
  reader.refuseUnknown();
  return { value, problems: reader.problems };
}

function readLevels(reader: ConfigReader, normGroups: number): UnetConfig['levels'] {
  const channels = reader.counts('block_out_channels', [320, 640, 1280, 1280]);
  const down = reader.choices('down_block_types', ['CrossAttnDownBlock2D', 'DownBlock2D'], SD1_DOWN);
  const up = reader.choices('up_block_types', ['CrossAttnUpBlock2D', 'UpBlock2D'], SD1_UP);
  for (const [key, { length }] of Object.entries({ down_block_types: down, up_block_types: up })) {
    reader.check(
      length === channels.length,
      `${key} has ${length} blocks; must have ${channels.length}, as block_out_channels`,
    );
  }
  const heads = headCounts(reader.raw('attention_head_dim') ?? 8, channels.length);
  if (heads === undefined) {
    reader.refuse('attention_head_dim', `a whole number from 1 or a list of ${channels.length} of them`);
  }
  const readLevel = (width: number, index: number): UnetLevel => {
    const subject = `block_out_channels[${index}] is ${width}`;
    const headCount = heads?.[index] ?? 1;
    reader.check(width % normGroups === 0, `${subject}; must be a multiple of norm_num_groups, ${normGroups}`);
    reader.check(width % headCount === 0, `${subject}; must be a multiple of attention_head_dim, ${headCount} heads`);
    return {
      channels: width,
      heads: headCount,
      downAttention: down[index] === 'CrossAttnDownBlock2D',
      upAttention: up[channels.length - 1 - index] === 'CrossAttnUpBlock2D',
    };
  };
  const [outermost, ...inner] = channels;
  reader.check(outermost % 2 === 0, `block_out_channels[0] is ${outermost}; must be even`);
  return [readLevel(outermost, 0), ...inner.map((width, index) => readLevel(width, index + 1))];
}

/** The key says "dim" and means the number of heads, in every Stable Diffusion 1 and 2: huggingface/diffusers issue 2011. */
function headCounts(value: unknown, levelCount: number): readonly number[] | undefined {
  const list: readonly unknown[] = Array.isArray(value) ? value : new Array(levelCount).fill(value);
  const counts = list.filter((item): item is number => Number.isSafeInteger(item) && Number(item) >= 1);
  return counts.length === levelCount && list.length === levelCount ? counts : undefined;
}
