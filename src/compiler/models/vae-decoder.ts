/**
 * The decoder of the autoencoder, as diffusers' `AutoencoderKL.decode`: latents to pictures. No LoRA acts here.
 *
 *   latent [rows, channels, h, w] as the sampler left it  ->  planes [rows, 3, f h, f w] in about -1 to 1, f = 2^(levels - 1)
 */

import { attention, DIFFUSERS_PROJECTIONS, type ProjectionNames } from '../blocks/attention.ts';
import { convolution } from '../blocks/convolution.ts';
import { groupNorm } from '../blocks/normalization.ts';
import { upsample } from '../blocks/resample.ts';
import { activatedNorm, resnet } from '../blocks/resnet.ts';
import { type Builder, createBuilder } from '../builder.ts';
import type { Checkpoint, Weights } from '../checkpoint.ts';
import { type CompiledGraph, compileGraph } from '../compiled-graph.ts';
import { addPlanes, type Planes, planesOfTokens, tokensOfPlanes } from '../layout.ts';

/** What a decoder uses of the file, by the start of the names; the rest is the encoder's. */
const PARTS = ['decoder.', 'post_quant_conv.'];

/** `Decoder` sets it itself, for every norm. */
const NORM_EPSILON = 1e-6;

/** Names of the attention's projections before diffusers 0.18, which SD 1.5's own file still has. */
const OLD_PROJECTIONS: ProjectionNames = { query: 'query', key: 'key', value: 'value', out: 'proj_attn' };

/** Throws an InputError (`unsupported_checkpoint`) where the weights do not fit the config. */
export function compileVaeDecoder(checkpoint: Checkpoint): CompiledGraph {
  const { config, weights } = checkpoint.vae;
  const { latentChannels, channels, layersPerBlock, normGroups: groups } = config;
  const builder = createBuilder({ name: 'vae-decoder', weights, lora: null, wholeParts: PARTS });
  const decoder = builder.at('decoder');
  const norm = { groups, epsilon: NORM_EPSILON };

  const latent = builder.input({ name: 'latent', type: 'float32', dims: ['rows', latentChannels, 'h', 'w'] });
  const scale = builder.floats([config.scalingFactor], []);
  let x: Planes = { value: builder.node('Div', [latent, scale], {}), channels: latentChannels };
  if (config.postQuantConvolution) {
    x = convolution(builder.at('post_quant_conv'), x, { channels: latentChannels, kernel: 1 });
  }
  const [innermost = latentChannels] = channels.toReversed();
  x = convolution(decoder.at('conv_in'), x, { channels: innermost, kernel: 3 });
  x = resnet(decoder.at('mid_block.resnets.0'), x, { ...norm, channels: innermost });
  if (config.middleAttention)
    x = attend(decoder.at('mid_block.attentions.0'), x, { ...norm, names: projections(weights) });
  x = resnet(decoder.at('mid_block.resnets.1'), x, { ...norm, channels: innermost });
  for (const [index, width] of channels.toReversed().entries()) {
    const block = decoder.at(`up_blocks.${index}`);
    for (let layer = 0; layer <= layersPerBlock; layer++) {
      x = resnet(block.at(`resnets.${layer}`), x, { ...norm, channels: width });
    }
    if (index < channels.length - 1) x = upsample(block.at('upsamplers.0'), x);
  }
  x = activatedNorm(decoder.at('conv_norm_out'), x, norm);
  x = convolution(decoder.at('conv_out'), x, { channels: config.imageChannels, kernel: 3 });
  builder.output(
    { name: 'planes', type: 'float32', dims: ['rows', config.imageChannels, 'image_h', 'image_w'] },
    x.value,
  );
  return compileGraph(builder);
}

/** Every pixel attends to every other, with one head. */
function attend(
  builder: Builder,
  x: Planes,
  options: { readonly names: ProjectionNames; readonly groups: number; readonly epsilon: number },
): Planes {
  const normal = tokensOfPlanes(builder, groupNorm(builder.at('group_norm'), x, options));
  const single = { names: options.names, heads: 1, inputBias: true, causal: false };
  return addPlanes(builder, planesOfTokens(builder, attention(builder, normal, normal, single), x), x);
}

function projections(weights: Weights): ProjectionNames {
  return weights.entries.has('decoder.mid_block.attentions.0.query.weight') ? OLD_PROJECTIONS : DIFFUSERS_PROJECTIONS;
}
