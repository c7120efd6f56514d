/**
 * Attention with its four projections. One block serves the U-Net's self- and cross-attention, the text encoder's causal attention
 * and the VAE's single head: they differ in names, biases and heads alone.
 */

import type { Builder } from '../builder.ts';
import type { Tokens } from '../layout.ts';
import { type LinearOptions, linear } from './linear.ts';

/** Module names of the projections, below the attention's own. */
export interface ProjectionNames {
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly out: string;
}

export const DIFFUSERS_PROJECTIONS: ProjectionNames = { query: 'to_q', key: 'to_k', value: 'to_v', out: 'to_out.0' };
export const CLIP_PROJECTIONS: ProjectionNames = { query: 'q_proj', key: 'k_proj', value: 'v_proj', out: 'out_proj' };

export interface AttentionOptions {
  readonly names: ProjectionNames;
  readonly heads: number;
  /** Whether query, key and value have a bias; the output projection always has. */
  readonly inputBias: boolean;
  /** Whether a token sees only itself and those before it. */
  readonly causal: boolean;
}

/** Tokens of `x` attend to those of `context`, which is `x` itself for self-attention. The result is as wide as `x`. */
export function attention(builder: Builder, x: Tokens, context: Tokens, options: AttentionOptions): Tokens {
  const { names, heads, inputBias, causal } = options;
  const projected: LinearOptions = { width: x.width, bias: inputBias };
  const query = linear(builder.at(names.query), x, projected);
  const key = linear(builder.at(names.key), context, projected);
  const value = linear(builder.at(names.value), context, projected);
  // Scales by 1 / sqrt(width / heads) and splits the heads itself. Five times as fast on a CPU as the same written out.
  const mixed = builder.node('MultiHeadAttention', [query.value, key.value, value.value], {
    num_heads: heads,
    unidirectional: causal ? 1 : 0,
  });
  return linear(builder.at(names.out), { value: mixed, width: x.width }, { width: x.width, bias: true });
}
