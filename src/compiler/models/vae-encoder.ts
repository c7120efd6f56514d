/**
 * The encoder of the autoencoder, as diffusers' `AutoencoderKL.encode`: pictures to the distribution of their latents, both parts in
 * the scale that samplers work in. A latent is drawn as mean + deviation * noise. No LoRA acts here.
 *
 *   planes [rows, 3, f h, f w] in -1 to 1  ->  mean, deviation [rows, channels, h, w], f = 2^(levels - 1)
 */

import { assert } from '../../core/assert.ts';
import { convolution } from '../blocks/convolution.ts';
import { downsampleBelowRight } from '../blocks/resample.ts';
import { activatedNorm, resnet } from '../blocks/resnet.ts';
import { vaeMiddle, vaeNorm } from '../blocks/vae-middle.ts';
import { createBuilder } from '../builder.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { type CompiledGraph, compileGraph } from '../compiled-graph.ts';
import { inputPlanes, type PlanesTensor } from '../layout.ts';

/** What an encoder uses of the file, by the start of the names; the rest is the decoder's. */
const PARTS = ['encoder.', 'quant_conv.'];

/** `DiagonalGaussianDistribution` holds the logarithm of the variance within these. */
const LOG_VARIANCE = { min: -30, max: 20 };

/** Throws an InputError (`unsupported_checkpoint`) where the weights do not fit the config. */
export function compileVaeEncoder(checkpoint: Checkpoint): CompiledGraph {
  const { config, weights } = checkpoint.vae;
  const { channels: widths, latentChannels, scalingFactor } = config;
  const builder = createBuilder({ name: 'vae-encoder', weights, lora: null, wholeParts: PARTS });
  const encoder = builder.at('encoder');
  const norm = vaeNorm(config);

  let x = inputPlanes(builder, {
    name: 'planes',
    type: 'float32',
    dims: ['rows', config.imageChannels, 'height', 'width'],
  });
  x = convolution(encoder.at('conv_in'), x, { channels: widths[0], kernel: 3 });
  for (const [index, channels] of widths.entries()) {
    const block = encoder.at(`down_blocks.${index}`);
    for (let layer = 0; layer < config.layersPerBlock; layer++) {
      x = resnet(block.at(`resnets.${layer}`), x, { ...norm, channels });
    }
    if (index < widths.length - 1) x = downsampleBelowRight(block.at('downsamplers.0'), x);
  }
  x = vaeMiddle(encoder.at('mid_block'), x, checkpoint.vae);
  x = activatedNorm(encoder.at('conv_norm_out'), x, norm);
  x = convolution(encoder.at('conv_out'), x, { channels: 2 * latentChannels, kernel: 3 });
  if (config.quantConvolution) x = convolution(builder.at('quant_conv'), x, { channels: x.channels, kernel: 1 });

  const [mean, logVariance] = builder.nodes('Split', [x.value], { axis: 1, num_outputs: 2 }, 2);
  assert(mean !== undefined && logVariance !== undefined, 'a split in two has two parts');
  const scale = builder.floats([scalingFactor], []);
  const bounds = [builder.floats([LOG_VARIANCE.min], []), builder.floats([LOG_VARIANCE.max], [])];
  const bounded = builder.node('Clip', [logVariance, ...bounds], {});
  const deviation = builder.node('Exp', [builder.node('Mul', [bounded, builder.floats([0.5], [])], {})], {});
  const output = (name: string): PlanesTensor => ({ name, type: 'float32', dims: ['rows', latentChannels, 'h', 'w'] });
  builder.output(output('mean'), builder.node('Mul', [mean, scale], {}));
  builder.output(output('deviation'), builder.node('Mul', [deviation, scale], {}));
  return compileGraph(builder);
}
