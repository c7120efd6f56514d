/** A layer of a CLIP tower, as transformers' `CLIPEncoderLayer`: attention, then two linear layers, each behind a norm and added to its input. */

import type { Builder } from '../builder.ts';
import type { ClipTowerConfig } from '../configs/clip-tower-config.ts';
import { addTokens, type Tokens } from '../layout.ts';
import { gelu, quickGelu } from './activation.ts';
import { attention, CLIP_PROJECTIONS } from './attention.ts';
import { linear } from './linear.ts';
import { layerNorm } from './normalization.ts';

const ACTIVATIONS = { quick_gelu: quickGelu, gelu };

/** All layers of the tower that the builder stands at. Text is causal: a token sees only itself and those before it. */
export function clipLayers(
  builder: Builder,
  x: Tokens,
  config: ClipTowerConfig,
  { causal }: { readonly causal: boolean },
): Tokens {
  let tokens = x;
  for (let layer = 0; layer < config.layers; layer++) {
    tokens = clipLayer(builder.at(`encoder.layers.${layer}`), tokens, config, causal);
  }
  return tokens;
}

function clipLayer(builder: Builder, x: Tokens, config: ClipTowerConfig, causal: boolean): Tokens {
  const { heads, normEpsilon } = config;
  const attend = { names: CLIP_PROJECTIONS, heads, inputBias: true, causal };
  const normal = layerNorm(builder.at('layer_norm1'), x, normEpsilon);
  const attended = addTokens(builder, x, attention(builder.at('self_attn'), normal, normal, attend));
  const mlp = feedForward(builder.at('mlp'), layerNorm(builder.at('layer_norm2'), attended, normEpsilon), config);
  return addTokens(builder, attended, mlp);
}

function feedForward(builder: Builder, x: Tokens, { feedForwardWidth, activation }: ClipTowerConfig): Tokens {
  const hidden = linear(builder.at('fc1'), x, { width: feedForwardWidth, bias: true });
  const active = { value: ACTIVATIONS[activation](builder, hidden.value), width: feedForwardWidth };
  return linear(builder.at('fc2'), active, { width: x.width, bias: true });
}
