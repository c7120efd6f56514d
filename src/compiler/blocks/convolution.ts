/** A convolution with bias that keeps height and width, or halves them (rounding up) at stride 2. */

import type { Builder } from '../builder.ts';
import type { Planes } from '../layout.ts';

export interface ConvolutionOptions {
  readonly channels: number;
  /** Odd, so that padding by half of it keeps the size. */
  readonly kernel: 1 | 3;
  readonly stride?: 1 | 2;
  /** Rows and columns of zeros: half of the kernel on every side, unless all of them are to lie below and on the right. */
  readonly padding?: 'around' | 'below-right';
}

/** Of the module that the builder stands at. */
export function convolution(builder: Builder, x: Planes, options: ConvolutionOptions): Planes {
  const { channels, kernel, stride = 1, padding = 'around' } = options;
  const weight = builder.weight('weight', [channels, x.channels, kernel, kernel]);
  const bias = builder.weight('bias', [channels]);
  const pad = (kernel - 1) / 2;
  const value = builder.node('Conv', [x.value, weight, bias], {
    strides: [stride, stride],
    // Top, left, bottom, right.
    pads: padding === 'around' ? [pad, pad, pad, pad] : [0, 0, pad, pad],
  });
  return { value, channels };
}
