/** Group norm over planes and layer norm over tokens, each with the learned scale and shift of the module. */

import type { Builder } from '../builder.ts';
import { type Planes, shapeOf, type Tokens } from '../layout.ts';

/**
 * Group norm as an instance norm over groups. ONNX has an operator for the whole of it, but the runtime has no CPU kernel that is as
 * fast; on a GPU this function is where `com.microsoft.GroupNorm` belongs.
 */
export function groupNorm(
  builder: Builder,
  x: Planes,
  options: { readonly groups: number; readonly epsilon: number },
): Planes {
  const { groups, epsilon } = options;
  const grouped = builder.node('Reshape', [x.value, builder.integers([0, groups, -1])], {});
  const ones = builder.floats(new Array(groups).fill(1), [groups]);
  const zeros = builder.floats(new Array(groups).fill(0), [groups]);
  const normal = builder.node('InstanceNormalization', [grouped, ones, zeros], { epsilon });
  const planes = builder.node('Reshape', [normal, shapeOf(builder, x.value)], {});
  const scaled = builder.node('Mul', [planes, builder.weight('weight', [x.channels, 1, 1])], {});
  return { value: builder.node('Add', [scaled, builder.weight('bias', [x.channels, 1, 1])], {}), channels: x.channels };
}

export function layerNorm(builder: Builder, x: Tokens, epsilon: number): Tokens {
  const scale = builder.weight('weight', [x.width]);
  const shift = builder.weight('bias', [x.width]);
  return {
    value: builder.node('LayerNormalization', [x.value, scale, shift], { axis: -1, epsilon }),
    width: x.width,
  };
}
