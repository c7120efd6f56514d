/**
 * The weights of Stable Diffusion 1.5 by name and shape, as its published files have them. Written down apart from the compiler, so
 * that a model of real size also asks whether the two agree. The counts of parameters are the published ones.
 */

/** `fanIn`: how many numbers one output of the layer sums; undefined for a norm's scale, a bias and the like. */
const weight = (name, dims, fanIn) => ({ name, dims, fanIn });

const linear = (name, width, inputWidth, { bias = true } = {}) => [
  weight(`${name}.weight`, [width, inputWidth], inputWidth),
  ...(bias ? [weight(`${name}.bias`, [width])] : []),
];
const convolution = (name, channels, inputChannels, kernel) => [
  weight(`${name}.weight`, [channels, inputChannels, kernel, kernel], inputChannels * kernel ** 2),
  weight(`${name}.bias`, [channels]),
];
const norm = (name, channels) => [weight(`${name}.weight`, [channels]), weight(`${name}.bias`, [channels])];

const TIME_WIDTH = 1280;
const TEXT_WIDTH = 768;

const resnet = (name, inputChannels, channels, { time } = { time: false }) => [
  ...norm(`${name}.norm1`, inputChannels),
  ...convolution(`${name}.conv1`, channels, inputChannels, 3),
  ...(time ? linear(`${name}.time_emb_proj`, channels, TIME_WIDTH) : []),
  ...norm(`${name}.norm2`, channels),
  ...convolution(`${name}.conv2`, channels, channels, 3),
  ...(inputChannels === channels ? [] : convolution(`${name}.conv_shortcut`, channels, inputChannels, 1)),
];

function transformer(name, width) {
  const block = `${name}.transformer_blocks.0`;
  const attention = (part, contextWidth) => [
    ...linear(`${block}.${part}.to_q`, width, width, { bias: false }),
    ...linear(`${block}.${part}.to_k`, width, contextWidth, { bias: false }),
    ...linear(`${block}.${part}.to_v`, width, contextWidth, { bias: false }),
    ...linear(`${block}.${part}.to_out.0`, width, width),
  ];
  return [
    ...norm(`${name}.norm`, width),
    ...convolution(`${name}.proj_in`, width, width, 1),
    ...norm(`${block}.norm1`, width),
    ...attention('attn1', width),
    ...norm(`${block}.norm2`, width),
    ...attention('attn2', TEXT_WIDTH),
    ...norm(`${block}.norm3`, width),
    ...linear(`${block}.ff.net.0.proj`, 8 * width, width),
    ...linear(`${block}.ff.net.2`, width, 4 * width),
    ...convolution(`${name}.proj_out`, width, width, 1),
  ];
}

function unet() {
  const levels = [320, 640, 1280, 1280];
  const time = { time: true };
  const weights = [
    ...convolution('conv_in', 320, 4, 3),
    ...linear('time_embedding.linear_1', TIME_WIDTH, 320),
    ...linear('time_embedding.linear_2', TIME_WIDTH, TIME_WIDTH),
  ];
  let channels = 320;
  /** Channels of what the down path leaves for the up path. */
  const skips = [channels];
  for (const [level, width] of levels.entries()) {
    const block = `down_blocks.${level}`;
    for (const layer of [0, 1]) {
      weights.push(...resnet(`${block}.resnets.${layer}`, channels, width, time));
      if (level < 3) weights.push(...transformer(`${block}.attentions.${layer}`, width));
      channels = width;
      skips.push(channels);
    }
    if (level < 3) {
      weights.push(...convolution(`${block}.downsamplers.0.conv`, channels, channels, 3));
      skips.push(channels);
    }
  }
  weights.push(
    ...resnet('mid_block.resnets.0', channels, channels, time),
    ...transformer('mid_block.attentions.0', channels),
    ...resnet('mid_block.resnets.1', channels, channels, time),
  );
  for (const [index, width] of levels.toReversed().entries()) {
    const block = `up_blocks.${index}`;
    for (const layer of [0, 1, 2]) {
      weights.push(...resnet(`${block}.resnets.${layer}`, channels + skips.pop(), width, time));
      if (index > 0) weights.push(...transformer(`${block}.attentions.${layer}`, width));
      channels = width;
    }
    if (index < 3) weights.push(...convolution(`${block}.upsamplers.0.conv`, channels, channels, 3));
  }
  return [...weights, ...norm('conv_norm_out', 320), ...convolution('conv_out', 4, 320, 3)];
}

function textEncoder() {
  const layers = Array.from({ length: 12 }, (_, index) => `text_model.encoder.layers.${index}`);
  return [
    weight('text_model.embeddings.token_embedding.weight', [49_408, TEXT_WIDTH], TEXT_WIDTH),
    weight('text_model.embeddings.position_embedding.weight', [77, TEXT_WIDTH], TEXT_WIDTH),
    ...layers.flatMap((layer) => [
      ...norm(`${layer}.layer_norm1`, TEXT_WIDTH),
      ...['q_proj', 'k_proj', 'v_proj', 'out_proj'].flatMap((name) =>
        linear(`${layer}.self_attn.${name}`, TEXT_WIDTH, TEXT_WIDTH),
      ),
      ...norm(`${layer}.layer_norm2`, TEXT_WIDTH),
      ...linear(`${layer}.mlp.fc1`, 4 * TEXT_WIDTH, TEXT_WIDTH),
      ...linear(`${layer}.mlp.fc2`, TEXT_WIDTH, 4 * TEXT_WIDTH),
    ]),
    ...norm('text_model.final_layer_norm', TEXT_WIDTH),
  ];
}

/** With the attention's names of before diffusers 0.18, as SD 1.5's own file has them. */
function vae() {
  const levels = [128, 256, 512, 512];
  const middle = (name) => [
    ...resnet(`${name}.resnets.0`, 512, 512),
    ...norm(`${name}.attentions.0.group_norm`, 512),
    ...['query', 'key', 'value', 'proj_attn'].flatMap((part) => linear(`${name}.attentions.0.${part}`, 512, 512)),
    ...resnet(`${name}.resnets.1`, 512, 512),
  ];
  const weights = [...convolution('encoder.conv_in', 128, 3, 3)];
  let channels = 128;
  for (const [level, width] of levels.entries()) {
    const block = `encoder.down_blocks.${level}`;
    weights.push(...resnet(`${block}.resnets.0`, channels, width), ...resnet(`${block}.resnets.1`, width, width));
    if (level < 3) weights.push(...convolution(`${block}.downsamplers.0.conv`, width, width, 3));
    channels = width;
  }
  weights.push(
    ...middle('encoder.mid_block'),
    ...norm('encoder.conv_norm_out', 512),
    ...convolution('encoder.conv_out', 8, 512, 3),
    ...convolution('quant_conv', 8, 8, 1),
    ...convolution('post_quant_conv', 4, 4, 1),
    ...convolution('decoder.conv_in', 512, 4, 3),
    ...middle('decoder.mid_block'),
  );
  for (const [index, width] of levels.toReversed().entries()) {
    const block = `decoder.up_blocks.${index}`;
    for (const layer of [0, 1, 2]) {
      weights.push(...resnet(`${block}.resnets.${layer}`, layer === 0 ? channels : width, width));
    }
    if (index < 3) weights.push(...convolution(`${block}.upsamplers.0.conv`, width, width, 3));
    channels = width;
  }
  return [...weights, ...norm('decoder.conv_norm_out', 128), ...convolution('decoder.conv_out', 3, 128, 3)];
}

export const COMPONENTS = {
  text_encoder: { file: 'model.safetensors', weights: textEncoder(), parameters: 123_060_480 },
  unet: { file: 'diffusion_pytorch_model.safetensors', weights: unet(), parameters: 859_520_964 },
  vae: { file: 'diffusion_pytorch_model.safetensors', weights: vae(), parameters: 83_653_863 },
};

for (const [name, { weights, parameters }] of Object.entries(COMPONENTS)) {
  const count = weights.reduce((sum, { dims }) => sum + dims.reduce((product, dim) => product * dim, 1), 0);
  if (count !== parameters) throw new Error(`${name} has ${count} parameters here and ${parameters} as published`);
}

/** The linear layers of the U-Net that a LoRA acts on: 192, by module name, with their widths. */
export const LORA_LAYERS = COMPONENTS.unet.weights
  .filter(({ name, dims }) => /attentions\.\d+\.(transformer_blocks|proj_)/.test(name) && dims.length > 1)
  .map(({ name, dims }) => ({ module: name.slice(0, -'.weight'.length), dims }));
