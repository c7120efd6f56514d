/**
 * The decoder of the autoencoder, as diffusers' `AutoencoderKL.decode`: latents to pictures. No LoRA acts here.
 *
 *   latent [rows, channels, h, w] as the sampler left it  ->  planes [rows, 3, f h, f w] in about -1 to 1, f = 2^(levels - 1)
 */

import { convolution } from '../blocks/convolution.ts';
import { upsample } from '../blocks/resample.ts';
import { activatedNorm, resnet } from '../blocks/resnet.ts';
import { vaeMiddle, vaeNorm } from '../blocks/vae-middle.ts';
import { type Builder, createBuilder } from '../builder.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { type CompiledGraph, compileGraph } from '../compiled-graph.ts';
import type { VaeConfig } from '../configs/vae-config.ts';
import { inputPlanes, type Planes } from '../layout.ts';

/** What a decoder uses of the file, by the start of the names; the rest is the encoder's. */
const PARTS = ['decoder.', 'post_quant_conv.'];

/** Throws an InputError (`unsupported_checkpoint`) where the weights do not fit the config. */
export function compileVaeDecoder(checkpoint: Checkpoint): CompiledGraph {
  const { config, weights } = checkpoint.vae;
  const builder = createBuilder({ name: 'vae-decoder', weights, lora: null, wholeParts: PARTS });
  const decoder = builder.at('decoder');
  const norm = vaeNorm(config);
  const widths = config.channels.toReversed();

  let x = unscaledLatent(builder, config);
  if (config.postQuantConvolution) {
    x = convolution(builder.at('post_quant_conv'), x, { channels: x.channels, kernel: 1 });
  }
  x = convolution(decoder.at('conv_in'), x, { channels: widths[0] ?? x.channels, kernel: 3 });
  x = vaeMiddle(decoder.at('mid_block'), x, checkpoint.vae);
  for (const [index, channels] of widths.entries()) {
    const block = decoder.at(`up_blocks.${index}`);
    for (let layer = 0; layer <= config.layersPerBlock; layer++) {
      x = resnet(block.at(`resnets.${layer}`), x, { ...norm, channels });
    }
    if (index < widths.length - 1) x = upsample(block.at('upsamplers.0'), x);
  }
  x = activatedNorm(decoder.at('conv_norm_out'), x, norm);
  x = convolution(decoder.at('conv_out'), x, { channels: config.imageChannels, kernel: 3 });
  const planes = { name: 'planes', type: 'float32', dims: ['rows', x.channels, 'image_h', 'image_w'] } as const;
  builder.output(planes, x.value);
  return compileGraph(builder);
}

function unscaledLatent(builder: Builder, { latentChannels, scalingFactor }: VaeConfig): Planes {
  const latent = inputPlanes(builder, { name: 'latent', type: 'float32', dims: ['rows', latentChannels, 'h', 'w'] });
  const unscaled = builder.node('Div', [latent.value, builder.floats([scalingFactor], [])], {});
  return { value: unscaled, channels: latentChannels };
}
