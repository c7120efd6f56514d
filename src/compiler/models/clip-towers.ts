/**
 * The two towers of a CLIP, as transformers' `CLIPModel`: a text and a picture each to a vector of one space. Lengths are as the
 * projections leave them; whoever compares directions divides by them.
 *
 *   ids int64 [rows, positions]      ->  embeddings [rows, positions, embeddingWidth]
 *   pixels [rows, 3, side, side]     ->  embedding [rows, embeddingWidth]
 *
 * A text's vector is the one at its first end token; all positions are projected, and which one counts is the caller's to know.
 */

import { clipLayers } from '../blocks/clip-layer.ts';
import { linear } from '../blocks/linear.ts';
import { layerNorm } from '../blocks/normalization.ts';
import { type Builder, createBuilder } from '../builder.ts';
import type { ClipModel } from '../clip-model.ts';
import { type CompiledGraph, compileGraph } from '../compiled-graph.ts';
import type { VisionConfig } from '../configs/clip-config.ts';
import { type Tokens, tokensOfPlanes } from '../layout.ts';
import { textTower } from './clip-text.ts';

/** Throws an InputError (`unsupported_checkpoint`) where the weights do not fit the config. */
export function compileClipText({ config, weights }: ClipModel): CompiledGraph {
  const root = createBuilder({ name: 'clip-text', weights, lora: null, wholeParts: ['text_model.encoder.'] });
  const x = textTower(root.at('text_model'), config.text);
  const projected = linear(root.at('text_projection'), x, { width: config.embeddingWidth, bias: false });
  const dims = ['rows', config.text.positions, config.embeddingWidth];
  root.output({ name: 'embeddings', type: 'float32', dims }, projected.value);
  return compileGraph(root);
}

/** Throws an InputError (`unsupported_checkpoint`) where the weights do not fit the config. */
export function compileClipVision({ config, weights }: ClipModel): CompiledGraph {
  const { vision, embeddingWidth } = config;
  const root = createBuilder({ name: 'clip-vision', weights, lora: null, wholeParts: ['vision_model.encoder.'] });
  const model = root.at('vision_model');
  let x = layerNorm(model.at('pre_layrnorm'), embedPixels(model.at('embeddings'), vision), vision.normEpsilon);
  x = clipLayers(model, x, vision, { causal: false });
  // The class token, which stands first, has gathered what the picture is.
  const first = { value: model.node('Gather', [x.value, model.integers([0])], { axis: 1 }), width: x.width };
  const pooled = layerNorm(model.at('post_layernorm'), first, vision.normEpsilon);
  const projected = linear(root.at('visual_projection'), pooled, { width: embeddingWidth, bias: false });
  const flat = root.node('Reshape', [projected.value, root.integers([-1, embeddingWidth])], {});
  root.output({ name: 'embedding', type: 'float32', dims: ['rows', embeddingWidth] }, flat);
  return compileGraph(root);
}

/** One token for each patch, behind a class token that is the same for every picture. */
function embedPixels(builder: Builder, { imageSize, patchSize, width }: VisionConfig): Tokens {
  const pixels = builder.input({ name: 'pixels', type: 'float32', dims: ['rows', 3, imageSize, imageSize] });
  const kernel = builder.weight('patch_embedding.weight', [width, 3, patchSize, patchSize]);
  const grid = builder.node('Conv', [pixels, kernel], { strides: [patchSize, patchSize], pads: [0, 0, 0, 0] });
  const patches = tokensOfPlanes(builder, { value: grid, channels: width });

  const rows = builder.node('Shape', [pixels], { start: 0, end: 1 });
  const shape = builder.node('Concat', [rows, builder.integers([1, width])], { axis: 0 });
  const classToken = builder.node('Expand', [builder.weight('class_embedding', [width]), shape], {});
  const tokens = builder.node('Concat', [classToken, patches.value], { axis: 1 });
  const positions = builder.weight('position_embedding.weight', [(imageSize / patchSize) ** 2 + 1, width]);
  return { value: builder.node('Add', [tokens, positions], {}), width };
}
