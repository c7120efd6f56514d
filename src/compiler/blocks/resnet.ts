/** A residual block of the U-Net (with the time embedding) or of the VAE (without), as diffusers' `ResnetBlock2D`. */

import type { Builder } from '../builder.ts';
import { addPlanes, type Planes, type Tokens } from '../layout.ts';
import { silu } from './activation.ts';
import { convolution } from './convolution.ts';
import { fixedLinear } from './linear.ts';
import { groupNorm } from './normalization.ts';

export interface ResnetOptions {
  readonly channels: number;
  readonly groups: number;
  readonly epsilon: number;
  /** [rows, width], the activation already applied, since every block of a U-Net applies the same one. */
  readonly time?: Tokens;
}

/** Of the module that the builder stands at, e.g. `down_blocks.0.resnets.0`. */
export function resnet(builder: Builder, x: Planes, options: ResnetOptions): Planes {
  const { channels, time } = options;
  let hidden = activatedNorm(builder.at('norm1'), x, options);
  hidden = convolution(builder.at('conv1'), hidden, { channels, kernel: 3 });
  if (time !== undefined) hidden = addTime(builder, hidden, time);
  hidden = activatedNorm(builder.at('norm2'), hidden, options);
  hidden = convolution(builder.at('conv2'), hidden, { channels, kernel: 3 });
  const shortcut = x.channels === channels ? x : convolution(builder.at('conv_shortcut'), x, { channels, kernel: 1 });
  return addPlanes(builder, shortcut, hidden);
}

/** Group norm, then SiLU: before every convolution that matters, and before the last one of a model. */
export function activatedNorm(
  builder: Builder,
  x: Planes,
  options: { readonly groups: number; readonly epsilon: number },
): Planes {
  const normal = groupNorm(builder, x, options);
  return { value: silu(builder, normal.value), channels: x.channels };
}

/** Adds one number to each plane of each row. */
function addTime(builder: Builder, x: Planes, time: Tokens): Planes {
  const projected = fixedLinear(builder.at('time_emb_proj'), time, x.channels);
  const perPlane = builder.node('Unsqueeze', [projected.value, builder.integers([2, 3])], {});
  return { value: builder.node('Add', [x.value, perPlane], {}), channels: x.channels };
}
