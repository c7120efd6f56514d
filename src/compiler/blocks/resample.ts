/** Halving and doubling of planes, each followed by or done in a 3x3 convolution. */

import type { Builder, Value } from '../builder.ts';
import type { Planes } from '../layout.ts';
import { convolution } from './convolution.ts';

/** [height, width] becomes half of it, rounded up. */
export function downsample(builder: Builder, x: Planes): Planes {
  return convolution(builder.at('conv'), x, { channels: x.channels, kernel: 3, stride: 2 });
}

/** The same for the VAE, whose encoder pads below and on the right alone: `Downsample2D` with padding 0. Sides must be even. */
export function downsampleBelowRight(builder: Builder, x: Planes): Planes {
  return convolution(builder.at('conv'), x, { channels: x.channels, kernel: 3, stride: 2, padding: 'below-right' });
}

/** Doubles height and width by repeating pixels. */
export function upsample(builder: Builder, x: Planes): Planes {
  const scales = builder.floats([2, 2], [2]);
  return smooth(builder, x, [x.value, null, scales]);
}

/** The same to the size of `like`, which is one less than twice the size where a side was odd before it was halved. */
export function upsampleTo(builder: Builder, x: Planes, like: Planes): Planes {
  const size = builder.node('Shape', [like.value], { start: 2, end: 4 });
  return smooth(builder, x, [x.value, null, null, size]);
}

function smooth(builder: Builder, x: Planes, resizeInputs: readonly (Value | null)[]): Planes {
  const value = builder.node('Resize', resizeInputs, {
    axes: [2, 3],
    mode: 'nearest',
    // Together: pixel i of the result is pixel floor(i / scale) of x, as torch's nearest.
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  });
  return convolution(builder.at('conv'), { value, channels: x.channels }, { channels: x.channels, kernel: 3 });
}
