/**
 * A graph to the bytes of an ONNX model. The end of the compiler: nothing is decided here, names and numbers are only encoded.
 * Initializers whose data lies in a file are written as external data, so that a whole SD 1.5 U-Net is 0.9 MB of model.
 */

import { assert } from '../../core/assert.ts';
import type { AttributeValue, Dimension, ElementType, Graph, GraphNode, GraphTensor, Initializer } from '../graph.ts';
import { type AttributeKind, OPSET_VERSIONS, operatorSpec } from '../operators.ts';
import { bytesField, concatBytes, floatField, integerField, messageField, stringField } from './wire.ts';

/** The IR version that came with opset 20 (ONNX 1.15). */
const IR_VERSION = 9;

// Field numbers of each message, and values of each enum, from onnx/onnx.proto.
const MODEL = { irVersion: 1, producerName: 2, graph: 7, opsetImport: 8 };
const OPERATOR_SET = { domain: 1, version: 2 };
const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12 };
const NODE = { input: 1, output: 2, name: 3, operator: 4, attribute: 5, domain: 7 };
const ATTRIBUTE = { name: 1, float: 2, int: 3, string: 4, ints: 8, type: 20 };
const ATTRIBUTE_TYPES: Readonly<Record<AttributeKind, number>> = { float: 1, int: 2, type: 2, string: 3, ints: 7 };
const TENSOR = { dims: 1, dataType: 2, name: 8, rawData: 9, externalData: 13, dataLocation: 14 };
const STRING_ENTRY = { key: 1, value: 2 };
const VALUE_INFO = { name: 1, type: 2 };
const TYPE = { tensor: 1 };
const TENSOR_TYPE = { elementType: 1, shape: 2 };
const SHAPE = { dimension: 1 };
const DIMENSION = { value: 1, name: 2 };
const DATA_TYPES: Readonly<Record<ElementType, number>> = { float32: 1, int64: 7, float16: 10, bfloat16: 16 };
const EXTERNAL_LOCATION = 1;

export function writeModel(graph: Graph): Uint8Array {
  return concatBytes([
    integerField(MODEL.irVersion, IR_VERSION),
    stringField(MODEL.producerName, 'overtone'),
    messageField(MODEL.graph, [
      ...graph.nodes.map((node) => messageField(GRAPH.node, nodeFields(node))),
      stringField(GRAPH.name, graph.name),
      ...graph.initializers.map((initializer) => messageField(GRAPH.initializer, initializerFields(initializer))),
      ...graph.inputs.map((input) => messageField(GRAPH.input, valueFields(input))),
      ...graph.outputs.map((output) => messageField(GRAPH.output, valueFields(output))),
    ]),
    ...Object.entries(OPSET_VERSIONS).map(([domain, version]) =>
      messageField(MODEL.opsetImport, [
        stringField(OPERATOR_SET.domain, domain),
        integerField(OPERATOR_SET.version, version),
      ]),
    ),
  ]);
}

function nodeFields(node: GraphNode): Uint8Array[] {
  const spec = operatorSpec(node.operator);
  assert(spec !== undefined, `operator ${node.operator} is not in the table`);
  return [
    ...node.inputs.map((input) => stringField(NODE.input, input)),
    ...node.outputs.map((output) => stringField(NODE.output, output)),
    stringField(NODE.name, node.name),
    stringField(NODE.operator, node.operator),
    ...Object.entries(spec.attributes).map(([name, kind]) => {
      const value = node.attributes[name];
      assert(value !== undefined, `${node.name} lacks the attribute ${name}`);
      return messageField(NODE.attribute, [
        stringField(ATTRIBUTE.name, name),
        ...attributeValue(kind, value),
        integerField(ATTRIBUTE.type, ATTRIBUTE_TYPES[kind]),
      ]);
    }),
    stringField(NODE.domain, spec.domain),
  ];
}

function attributeValue(kind: AttributeKind, value: AttributeValue): Uint8Array[] {
  switch (kind) {
    case 'float':
      return [floatField(ATTRIBUTE.float, Number(value))];
    case 'int':
      return [integerField(ATTRIBUTE.int, Number(value))];
    case 'ints':
      return [value].flat().map((item) => integerField(ATTRIBUTE.ints, Number(item)));
    case 'string':
      return [stringField(ATTRIBUTE.string, String(value))];
    case 'type':
      return [integerField(ATTRIBUTE.int, dataType(value))];
  }
}

function dataType(value: AttributeValue): number {
  const found = Object.entries(DATA_TYPES).find(([type]) => type === value);
  assert(found !== undefined, `${value} is not an element type`);
  return found[1];
}

function initializerFields({ name, type, dims, data }: Initializer): Uint8Array[] {
  return [
    ...dims.map((dim) => integerField(TENSOR.dims, dim)),
    integerField(TENSOR.dataType, DATA_TYPES[type]),
    stringField(TENSOR.name, name),
    ...(data.kind === 'inline'
      ? [bytesField(TENSOR.rawData, data.bytes)]
      : [
          externalEntry('location', data.file),
          externalEntry('offset', String(data.start)),
          externalEntry('length', String(data.end - data.start)),
          integerField(TENSOR.dataLocation, EXTERNAL_LOCATION),
        ]),
  ];
}

function externalEntry(key: string, value: string): Uint8Array {
  return messageField(TENSOR.externalData, [
    stringField(STRING_ENTRY.key, key),
    stringField(STRING_ENTRY.value, value),
  ]);
}

function valueFields({ name, type, dims }: GraphTensor): Uint8Array[] {
  const tensorType = [
    integerField(TENSOR_TYPE.elementType, DATA_TYPES[type]),
    messageField(TENSOR_TYPE.shape, dims.map(dimension)),
  ];
  return [stringField(VALUE_INFO.name, name), messageField(VALUE_INFO.type, [messageField(TYPE.tensor, tensorType)])];
}

function dimension(dim: Dimension): Uint8Array {
  const field = typeof dim === 'number' ? integerField(DIMENSION.value, dim) : stringField(DIMENSION.name, dim);
  return messageField(SHAPE.dimension, [field]);
}
