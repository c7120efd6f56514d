/**
 * The denoiser, as diffusers' `UNet2DConditionModel`. Two kinds of graph: `full` runs all of it, and gives the deep feature of as
 * many cuts as are asked for, so that one session serves them all; `reuse` takes the feature of one cut and runs the outer layers.
 *
 *   latent [rows, channels, h, w], timestep [rows], text [rows, tokens, width], reuse: feature
 *     ->  prediction, full: feature_{level}_{layers} of each cut
 *
 * The prediction is the model's raw output: noise or v, as the checkpoint was trained.
 */

import { assert } from '../../core/assert.ts';
import type { Cut } from '../../core/composition/method.ts';
import { silu } from '../blocks/activation.ts';
import { convolution } from '../blocks/convolution.ts';
import { downsample, upsampleTo } from '../blocks/resample.ts';
import { activatedNorm, resnet } from '../blocks/resnet.ts';
import { timeEmbedding } from '../blocks/time-embedding.ts';
import { transformer } from '../blocks/transformer.ts';
import { type Builder, createBuilder } from '../builder.ts';
import { featureChannels, resnetsAfterCut } from '../cache-split.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { type CompiledGraph, type CompileOptions, compileGraph } from '../compiled-graph.ts';
import type { UnetConfig, UnetLevel } from '../configs/unet-config.ts';
import { concatPlanes, inputPlanes, type Planes, type PlanesTensor, type Tokens } from '../layout.ts';

export type UnetKind =
  | { readonly kind: 'full'; readonly cuts?: readonly Cut[] }
  | { readonly kind: 'reuse'; readonly cut: Cut };

/** The output of a full graph that is the feature at a cut. The input of a reuse graph is `feature`. */
export function featureOutput({ level, layers }: Cut): string {
  return `feature_${level}_${layers}`;
}

/** Width of the time embedding, in channels of the first level: `UNet2DConditionModel._set_time_proj`. */
const TIME_FACTOR = 4;

/** What every layer is given besides its input. */
interface Conditions {
  readonly config: UnetConfig;
  readonly text: Tokens;
  /** The embedded timestep, activated. */
  readonly time: Tokens;
}

/** Throws an InputError (`unsupported_checkpoint`) where the weights do not fit the config. A cut must exist in the U-Net. */
export function compileUnet(checkpoint: Checkpoint, options: UnetKind & CompileOptions): CompiledGraph {
  const { config, weights } = checkpoint.unet;
  const builder = createBuilder({
    name: `unet-${options.kind}`,
    weights,
    lora: options.loraInputs === false ? null : 'unet',
    wholeParts: options.kind === 'full' ? [''] : [],
  });
  const latent = inputPlanes(builder, latentTensor('latent', config));
  const conditions: Conditions = { config, time: embedTime(builder, config), text: inputText(builder, config) };

  const up = upPath(config);
  const layers = options.kind === 'reuse' ? up.slice(-resnetsAfterCut(options.cut, config)) : up;
  const skips = take(downPath(builder, latent, conditions), layers.length);
  let x =
    options.kind === 'reuse'
      ? inputPlanes(builder, featureTensor('feature', options.cut, config))
      : middle(builder.at('mid_block'), skips, conditions);
  /** What each layer is fed: where a cut goes through, it is the feature. */
  const features: Planes[] = [];
  for (const layer of layers) {
    features.push(x);
    x = upLayer(builder.at(layer.block), { x, skip: skips.pop(), next: skips.at(-1), ...layer }, conditions);
  }

  const { normGroups: groups, normEpsilon: epsilon } = config;
  x = activatedNorm(builder.at('conv_norm_out'), x, { groups, epsilon });
  x = convolution(builder.at('conv_out'), x, { channels: config.latentChannels, kernel: 3 });
  builder.output(latentTensor('prediction', config), x.value);
  for (const cut of options.kind === 'full' ? (options.cuts ?? []) : []) {
    const feature = features.at(-resnetsAfterCut(cut, config));
    assert(feature !== undefined, 'a cut lies within the up path');
    builder.output(featureTensor(featureOutput(cut), cut, config), feature.value);
  }
  return compileGraph(builder);
}

function embedTime(builder: Builder, config: UnetConfig): Tokens {
  const timestep = builder.input({ name: 'timestep', type: 'float32', dims: ['rows'] });
  const { flipSinToCos, freqShift, levels } = config;
  const sinusoidWidth = levels[0].channels;
  const width = TIME_FACTOR * sinusoidWidth;
  const options = { sinusoidWidth, width, flipSinToCos, freqShift };
  const time = timeEmbedding(builder.at('time_embedding'), timestep, options);
  return { value: silu(builder, time.value), width };
}

function inputText(builder: Builder, { textWidth: width }: UnetConfig): Tokens {
  return { value: builder.input({ name: 'text', type: 'float32', dims: ['rows', 'tokens', width] }), width };
}

/** The skips, outermost first. Layers are added to the graph as they are asked for, so that a reuse pass holds only what it needs. */
function* downPath(builder: Builder, latent: Planes, conditions: Conditions): Generator<Planes, void, void> {
  const { levels, layersPerBlock } = conditions.config;
  let x = convolution(builder.at('conv_in'), latent, { channels: levels[0].channels, kernel: 3 });
  yield x;
  for (const [index, level] of levels.entries()) {
    const block = builder.at(`down_blocks.${index}`);
    for (let layer = 0; layer < layersPerBlock; layer++) {
      x = unetLayer(block, x, { layer, level, attends: level.downAttention }, conditions);
      yield x;
    }
    if (index < levels.length - 1) {
      x = downsample(block.at('downsamplers.0'), x);
      yield x;
    }
  }
}

function middle(builder: Builder, skips: readonly Planes[], conditions: Conditions): Planes {
  const [x, level] = [skips.at(-1), conditions.config.levels.at(-1)];
  assert(x !== undefined && level !== undefined, 'a U-Net has a level');
  const attended = unetLayer(builder, x, { layer: 0, level, attends: true }, conditions);
  return unetLayer(builder, attended, { layer: 1, level, attends: false }, conditions);
}

interface UpLayer {
  readonly block: string;
  readonly layer: number;
  readonly level: UnetLevel;
}

/** Every layer of the up path, in order. */
function upPath({ levels, layersPerBlock }: UnetConfig): readonly UpLayer[] {
  return levels
    .toReversed()
    .flatMap((level, block) =>
      Array.from({ length: layersPerBlock + 1 }, (_, layer) => ({ block: `up_blocks.${block}`, layer, level })),
    );
}

/** Takes in a skip; the last layer of a block also upsamples, to the size of the next skip. */
function upLayer(
  block: Builder,
  at: UpLayer & { readonly x: Planes; readonly skip: Planes | undefined; readonly next: Planes | undefined },
  conditions: Conditions,
): Planes {
  const { layer, level, next } = at;
  assert(at.skip !== undefined, 'the down path makes a skip for each layer of the up path');
  const joined = concatPlanes(block, at.x, at.skip);
  const x = unetLayer(block, joined, { layer, level, attends: level.upAttention }, conditions);
  const endsBlock = layer === conditions.config.layersPerBlock;
  return endsBlock && next !== undefined ? upsampleTo(block.at('upsamplers.0'), x, next) : x;
}

/** A resnet and, where the level attends, a transformer: what every block of a U-Net is made of. */
function unetLayer(
  block: Builder,
  x: Planes,
  at: { readonly layer: number; readonly level: UnetLevel; readonly attends: boolean },
  { config, text, time }: Conditions,
): Planes {
  const { channels, heads } = at.level;
  const { normGroups: groups, normEpsilon: epsilon } = config;
  const hidden = resnet(block.at(`resnets.${at.layer}`), x, { channels, groups, epsilon, time });
  return at.attends ? transformer(block.at(`attentions.${at.layer}`), hidden, { text, heads, groups }) : hidden;
}

function latentTensor(name: string, { latentChannels }: UnetConfig): PlanesTensor {
  return { name, type: 'float32', dims: ['rows', latentChannels, 'h', 'w'] };
}

function featureTensor(name: string, cut: Cut, config: UnetConfig): PlanesTensor {
  const [height, width] = cut.level === 0 ? ['h', 'w'] : [`h_${cut.level}`, `w_${cut.level}`];
  return { name, type: 'float32', dims: ['rows', featureChannels(cut, config), height, width] };
}

function take<T>(source: Iterator<T>, count: number): T[] {
  const taken: T[] = [];
  while (taken.length < count) {
    const { done, value } = source.next();
    if (done === true) break;
    taken.push(value);
  }
  return taken;
}
