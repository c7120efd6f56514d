/**
 * The U-Net's spatial transformer: pixels become tokens, attend to one another and to the text, and become pixels again. As
 * diffusers' `Transformer2DModel` with one `BasicTransformerBlock`.
 */

import type { Builder, Value } from '../builder.ts';
import { addPlanes, addTokens, type Planes, planesOfTokens, type Tokens, tokensOfPlanes } from '../layout.ts';
import { gelu } from './activation.ts';
import { attention, DIFFUSERS_PROJECTIONS } from './attention.ts';
import { linear } from './linear.ts';
import { groupNorm, layerNorm } from './normalization.ts';

/** `Transformer2DModel` sets this one itself, whatever `norm_eps` says; torch's default is the other. */
const GROUP_NORM_EPSILON = 1e-6;
const LAYER_NORM_EPSILON = 1e-5;

/** Width of the feed-forward layer, in widths of the block. */
const FEED_FORWARD_FACTOR = 4;

export interface TransformerOptions {
  readonly text: Tokens;
  readonly heads: number;
  readonly groups: number;
}

/** Of the module that the builder stands at, e.g. `down_blocks.0.attentions.0`. */
export function transformer(builder: Builder, x: Planes, { text, heads, groups }: TransformerOptions): Planes {
  const whole = { width: x.channels, bias: true };
  const normal = groupNorm(builder.at('norm'), x, { groups, epsilon: GROUP_NORM_EPSILON });
  // SD 1.5 stores the projections as 1x1 convolutions, which are linear layers over pixels.
  let tokens = linear(builder.at('proj_in'), tokensOfPlanes(builder, normal), whole);

  const block = builder.at('transformer_blocks.0');
  const attend = { names: DIFFUSERS_PROJECTIONS, heads, inputBias: false, causal: false };
  const normalized = (name: string): Tokens => layerNorm(block.at(name), tokens, LAYER_NORM_EPSILON);
  const self = normalized('norm1');
  tokens = addTokens(block, tokens, attention(block.at('attn1'), self, self, attend));
  tokens = addTokens(block, tokens, attention(block.at('attn2'), normalized('norm2'), text, attend));
  tokens = addTokens(block, tokens, feedForward(block.at('ff'), normalized('norm3')));

  const planes = planesOfTokens(builder, linear(builder.at('proj_out'), tokens, whole), x);
  return addPlanes(builder, planes, x);
}

/** GEGLU: one projection makes a value and its gate. On a GPU `com.microsoft.BiasSplitGelu` fuses the two lines. */
function feedForward(builder: Builder, x: Tokens): Tokens {
  const width = FEED_FORWARD_FACTOR * x.width;
  const both = linear(builder.at('net.0.proj'), x, { width: 2 * width, bias: true });
  const [value, gate] = halves(builder, both.value);
  const gated = builder.node('Mul', [value, gelu(builder, gate)], {});
  return linear(builder.at('net.2'), { value: gated, width }, { width: x.width, bias: true });
}

function halves(builder: Builder, x: Value): readonly [Value, Value] {
  const [first = x, second = x] = builder.nodes('Split', [x], { axis: -1, num_outputs: 2 }, 2);
  return [first, second];
}
