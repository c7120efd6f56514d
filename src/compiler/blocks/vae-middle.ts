/** What encoder and decoder of the autoencoder share, as diffusers' `UNetMidBlock2D`: two resnets with attention between them. */

import type { Builder } from '../builder.ts';
import type { Component, Weights } from '../checkpoint.ts';
import type { VaeConfig } from '../configs/vae-config.ts';
import { addPlanes, type Planes, planesOfTokens, tokensOfPlanes } from '../layout.ts';
import { attention, DIFFUSERS_PROJECTIONS, type ProjectionNames } from './attention.ts';
import { groupNorm } from './normalization.ts';
import { resnet } from './resnet.ts';

/** `Encoder` and `Decoder` set it themselves, for every norm. */
const NORM_EPSILON = 1e-6;

/** Names of the attention's projections before diffusers 0.18, which SD 1.5's own file still has. */
const OLD_PROJECTIONS: ProjectionNames = { query: 'query', key: 'key', value: 'value', out: 'proj_attn' };

export interface VaeNorm {
  readonly groups: number;
  readonly epsilon: number;
}

export function vaeNorm({ normGroups }: VaeConfig): VaeNorm {
  return { groups: normGroups, epsilon: NORM_EPSILON };
}

/** Of the module that the builder stands at: `encoder.mid_block` or `decoder.mid_block`. */
export function vaeMiddle(builder: Builder, x: Planes, { config, weights }: Component<VaeConfig>): Planes {
  const norm = { ...vaeNorm(config), channels: x.channels };
  const first = resnet(builder.at('resnets.0'), x, norm);
  const attended = config.middleAttention ? attend(builder.at('attentions.0'), first, { weights, norm }) : first;
  return resnet(builder.at('resnets.1'), attended, norm);
}

/** Every pixel attends to every other, with one head. */
function attend(builder: Builder, x: Planes, options: { readonly weights: Weights; readonly norm: VaeNorm }): Planes {
  const isOld = options.weights.entries.has(`${builder.path}.query.weight`);
  const names = isOld ? OLD_PROJECTIONS : DIFFUSERS_PROJECTIONS;
  const normal = tokensOfPlanes(builder, groupNorm(builder.at('group_norm'), x, options.norm));
  const attended = attention(builder, normal, normal, { names, heads: 1, inputBias: true, causal: false });
  return addPlanes(builder, planesOfTokens(builder, attended, x), x);
}
