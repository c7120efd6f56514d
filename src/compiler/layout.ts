/**
 * The two layouts that activations have, as types, so that a block cannot be given the wrong one; and the way between them.
 *
 *   planes [rows, channels, height, width]    convolutions, group norm
 *   tokens [rows, height * width, channels]   linear layers, attention, layer norm
 */

import type { Builder, Value } from './builder.ts';
import type { Dimension, GraphTensor } from './graph.ts';

export interface Planes {
  readonly value: Value;
  readonly channels: number;
}

export interface Tokens {
  readonly value: Value;
  readonly width: number;
}

/** An input or output of a graph that holds planes. */
export interface PlanesTensor extends GraphTensor {
  readonly dims: readonly [rows: Dimension, channels: number, height: Dimension, width: Dimension];
}

export function inputPlanes(builder: Builder, tensor: PlanesTensor): Planes {
  return { value: builder.input(tensor), channels: tensor.dims[1] };
}

/** One token for each pixel, row by row. */
export function tokensOfPlanes(builder: Builder, { value, channels }: Planes): Tokens {
  // In a Reshape, 0 keeps a size and -1 takes what is left.
  const flat = builder.node('Reshape', [value, builder.integers([0, channels, -1])], {});
  return { value: builder.node('Transpose', [flat], { perm: [0, 2, 1] }), width: channels };
}

/** The inverse; height and width are those of `like`, which has as many channels. */
export function planesOfTokens(builder: Builder, { value, width }: Tokens, like: Planes): Planes {
  const flat = builder.node('Transpose', [value], { perm: [0, 2, 1] });
  return { value: builder.node('Reshape', [flat, shapeOf(builder, like.value)], {}), channels: width };
}

/** The whole shape of a value of rank 4 or less. */
export function shapeOf(builder: Builder, value: Value): Value {
  return builder.node('Shape', [value], { start: 0, end: 4 });
}

export function addPlanes(builder: Builder, a: Planes, b: Planes): Planes {
  return { value: builder.node('Add', [a.value, b.value], {}), channels: a.channels };
}

export function addTokens(builder: Builder, a: Tokens, b: Tokens): Tokens {
  return { value: builder.node('Add', [a.value, b.value], {}), width: a.width };
}

/** The channels of `a`, then those of `b`, which is as high and wide. */
export function concatPlanes(builder: Builder, a: Planes, b: Planes): Planes {
  return { value: builder.node('Concat', [a.value, b.value], { axis: 1 }), channels: a.channels + b.channels };
}
