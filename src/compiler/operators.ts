/**
 * Every operator that a graph of ours may hold, with its attributes. One table gives the builder its types and the model writer the
 * domain and the encoding: ONNX tells 1 (int) from 1.0 (float), JavaScript does not. Attributes are all required, so that no graph
 * leans on a default that the reader has to look up.
 *
 * Signatures: onnx/docs/Operators.md at opset 20; onnxruntime/docs/ContribOperators.md for com.microsoft.
 */

import type { AttributeValue, ElementType } from './graph.ts';

/** `type` is an element type, which ONNX numbers. */
export type AttributeKind = 'int' | 'ints' | 'float' | 'string' | 'type';
type AttributeKinds = Readonly<Record<string, AttributeKind>>;

export type OperatorDomain = '' | 'com.microsoft';

export interface OperatorSpec {
  readonly domain: OperatorDomain;
  readonly attributes: AttributeKinds;
}

/** Versions of the two operator sets; the model writer declares them. 20 is the first with Gelu. */
export const OPSET_VERSIONS: Readonly<Record<OperatorDomain, number>> = { '': 20, 'com.microsoft': 1 };

export const OPERATORS = {
  Add: standard({}),
  Cast: standard({ to: 'type' }),
  Clip: standard({}),
  Concat: standard({ axis: 'int' }),
  Conv: standard({ strides: 'ints', pads: 'ints' }),
  Cos: standard({}),
  Div: standard({}),
  Exp: standard({}),
  Expand: standard({}),
  Gather: standard({ axis: 'int' }),
  Gelu: standard({ approximate: 'string' }),
  Identity: standard({}),
  InstanceNormalization: standard({ epsilon: 'float' }),
  LayerNormalization: standard({ axis: 'int', epsilon: 'float' }),
  MatMul: standard({}),
  Mul: standard({}),
  Reshape: standard({}),
  Resize: standard({
    axes: 'ints',
    mode: 'string',
    coordinate_transformation_mode: 'string',
    nearest_mode: 'string',
  }),
  Shape: standard({ start: 'int', end: 'int' }),
  Sin: standard({}),
  Split: standard({ axis: 'int', num_outputs: 'int' }),
  Transpose: standard({ perm: 'ints' }),
  Unsqueeze: standard({}),
  MultiHeadAttention: microsoft({ num_heads: 'int', unidirectional: 'int' }),
  QuickGelu: microsoft({ alpha: 'float' }),
} as const satisfies Readonly<Record<string, OperatorSpec>>;

export type OperatorName = keyof typeof OPERATORS;

interface ValueOfKind {
  readonly int: number;
  readonly ints: readonly number[];
  readonly float: number;
  readonly string: string;
  readonly type: ElementType;
}

type ValuesOf<Kinds extends AttributeKinds> = { readonly [Key in keyof Kinds]: ValueOfKind[Kinds[Key]] };

export type AttributesOf<Name extends OperatorName> = ValuesOf<(typeof OPERATORS)[Name]['attributes']> &
  Readonly<Record<string, AttributeValue>>;

/** The row of an operator, for code that has only its name. */
export function operatorSpec(name: string): OperatorSpec | undefined {
  const table: Readonly<Record<string, OperatorSpec>> = OPERATORS;
  return table[name];
}

function standard<const Kinds extends AttributeKinds>(attributes: Kinds) {
  return { domain: '', attributes } as const;
}

function microsoft<const Kinds extends AttributeKinds>(attributes: Kinds) {
  return { domain: 'com.microsoft', attributes } as const;
}
