/**
 * An ONNX graph as a plain frozen value: what the builder makes and the model writer serialises. It knows names, types and bytes,
 * not what a U-Net is, and nothing here runs.
 */

export type ElementType = 'float32' | 'float16' | 'bfloat16' | 'int64';

/** A size known at compile time, or the name of one that a run decides. Equal names promise equal sizes: the runtime reuses buffers by it. */
export type Dimension = number | string;

/** An input or output of a graph. */
export interface GraphTensor {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly Dimension[];
}

export type AttributeValue = number | string | readonly number[];

export interface GraphNode {
  readonly name: string;
  readonly operator: string;
  /** Value names; the empty string stands for an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

/** Where constant bytes are: in the graph itself, or in a file that the runtime maps at load. */
export type InitializerData =
  | { readonly kind: 'inline'; readonly bytes: Uint8Array }
  /** `file` is relative to the checkpoint's directory; `start` and `end` are byte offsets in it. */
  | { readonly kind: 'external'; readonly file: string; readonly start: number; readonly end: number };

export interface Initializer {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly data: InitializerData;
}

export interface Graph {
  readonly name: string;
  readonly inputs: readonly GraphTensor[];
  readonly outputs: readonly GraphTensor[];
  readonly initializers: readonly Initializer[];
  /** In an order in which they can run. */
  readonly nodes: readonly GraphNode[];
}
