/**
 * A graph to the bytes of an ONNX model. The end of the compiler: nothing is decided here, names and numbers are only encoded.
 *
 * Field numbers: onnx/onnx.proto. Initializers whose data lies in a file are written as external data, so that a whole SD 1.5 U-Net
 * is 1.5 MB of model.
 */

import { assert } from '../../core/assert.ts';
import type { AttributeValue, Dimension, ElementType, Graph, GraphNode, GraphTensor, Initializer } from '../graph.ts';
import { OPSET_VERSIONS, operatorSpec } from '../operators.ts';
import { bytesField, concatBytes, floatField, integerField, messageField, stringField } from './wire.ts';

/** The IR version that came with opset 20 (ONNX 1.15). */
const IR_VERSION = 9;

/** `TensorProto.DataType`; also what the `to` attribute of Cast means. */
export const DATA_TYPES: Readonly<Record<ElementType, number>> = { float32: 1, int64: 7, float16: 10, bfloat16: 16 };

/** `TensorProto.DataLocation.EXTERNAL`. */
const EXTERNAL = 1;

/** `AttributeProto.AttributeType`. */
const ATTRIBUTE_TYPES = { float: 1, int: 2, string: 3, ints: 7 } as const;

export function writeModel(graph: Graph): Uint8Array {
  return concatBytes([
    integerField(1, IR_VERSION),
    stringField(2, 'overtone'),
    messageField(7, [
      ...graph.nodes.map((node) => messageField(1, nodeFields(node))),
      stringField(2, graph.name),
      ...graph.initializers.map((initializer) => messageField(5, initializerFields(initializer))),
      ...graph.inputs.map((input) => messageField(11, valueFields(input))),
      ...graph.outputs.map((output) => messageField(12, valueFields(output))),
    ]),
    ...Object.entries(OPSET_VERSIONS).map(([domain, version]) =>
      messageField(8, [stringField(1, domain), integerField(2, version)]),
    ),
  ]);
}

function nodeFields(node: GraphNode): Uint8Array[] {
  const spec = operatorSpec(node.operator);
  assert(spec !== undefined, `operator ${node.operator} is not in the table`);
  return [
    ...node.inputs.map((input) => stringField(1, input)),
    ...node.outputs.map((output) => stringField(2, output)),
    stringField(3, node.name),
    stringField(4, node.operator),
    ...Object.entries(spec.attributes).map(([name, kind]) => {
      const value = node.attributes[name];
      assert(value !== undefined, `${node.name} lacks the attribute ${name}`);
      return messageField(5, [
        stringField(1, name),
        ...attributeValue(kind, value),
        integerField(20, ATTRIBUTE_TYPES[kind]),
      ]);
    }),
    stringField(7, spec.domain),
  ];
}

function attributeValue(kind: keyof typeof ATTRIBUTE_TYPES, value: AttributeValue): Uint8Array[] {
  if (kind === 'string') return [stringField(4, String(value))];
  const numbers = [value].flat().map(Number);
  if (kind === 'ints') return numbers.map((number) => integerField(8, number));
  return numbers.map((number) => (kind === 'int' ? integerField(3, number) : floatField(2, number)));
}

function initializerFields({ name, type, dims, data }: Initializer): Uint8Array[] {
  return [
    ...dims.map((dim) => integerField(1, dim)),
    integerField(2, DATA_TYPES[type]),
    stringField(8, name),
    ...(data.kind === 'inline'
      ? [bytesField(9, data.bytes)]
      : [
          entry('location', data.file),
          entry('offset', String(data.start)),
          entry('length', String(data.end - data.start)),
          integerField(14, EXTERNAL),
        ]),
  ];
}

/** A key and value of `TensorProto.external_data`. */
function entry(key: string, value: string): Uint8Array {
  return messageField(13, [stringField(1, key), stringField(2, value)]);
}

/** `ValueInfoProto`: a name with `TypeProto.tensor_type`. */
function valueFields({ name, type, dims }: GraphTensor): Uint8Array[] {
  const tensorType = [integerField(1, DATA_TYPES[type]), messageField(2, dims.map(dimension))];
  return [stringField(1, name), messageField(2, [messageField(1, tensorType)])];
}

function dimension(dim: Dimension): Uint8Array {
  return messageField(1, [typeof dim === 'number' ? integerField(1, dim) : stringField(2, dim)]);
}
