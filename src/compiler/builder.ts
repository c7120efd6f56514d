/**
 * Builds a graph, node by node. A builder stands at one module of the checkpoint (`down_blocks.0.resnets.1`): weights are named from
 * there, and nodes carry its path, so that a profile of a run reads like the model. All builders made from one another with `at`
 * add to the same graph. Weights are never copied: an initializer points into the checkpoint's file.
 */

import { assert } from '../core/assert.ts';
import type { LoraComponent } from '../core/lora/target.ts';
import { InputError } from '../core/problem.ts';
import type { ElementType, Graph, GraphNode, GraphTensor, Initializer } from './graph.ts';
import type { AttributesOf, OperatorName } from './operators.ts';
import { createWeightReader, type WeightReaderOptions } from './weight-reader.ts';

/** A tensor within a graph under construction. */
export interface Value {
  readonly name: string;
}

/** A weight in the type that its file has. */
export interface StoredValue extends Value {
  readonly type: ElementType;
}

export interface BuilderOptions extends WeightReaderOptions {
  readonly name: string;
  /** The component whose LoRAs act on the graph's linear layers, which then take factors as inputs; null for none. */
  readonly lora: LoraComponent | null;
}

export interface Builder {
  /** The module this builder stands at; empty at the root. */
  readonly path: string;
  readonly lora: LoraComponent | null;
  /** A builder for a module below this one, adding to the same graph. */
  at(path: string): Builder;
  input(tensor: GraphTensor): Value;
  output(tensor: GraphTensor, value: Value): void;
  /** A node with one output. Null is an optional input that is left out. */
  node<Name extends OperatorName>(
    operator: Name,
    inputs: readonly (Value | null)[],
    attributes: AttributesOf<Name>,
  ): Value;
  /** A node with several outputs. */
  nodes<Name extends OperatorName>(
    operator: Name,
    inputs: readonly (Value | null)[],
    attributes: AttributesOf<Name>,
    outputCount: number,
  ): readonly Value[];
  /** A float32 constant. */
  floats(values: Iterable<number>, dims: readonly number[]): Value;
  /** A list of int64: shapes, axes. */
  integers(values: readonly number[]): Value;
  /** A weight of this module for computing with, in the dimensions of its use. */
  weight(name: string, dims: readonly number[]): Value;
  /** The same as its file stores it, for an operator that need not compute. */
  storedWeight(name: string, dims: readonly number[]): StoredValue;
  /** Widens to float32, which is what graphs compute in on a CPU. To a weight the runtime does it once, when it loads the graph. */
  float32(value: StoredValue): Value;
  /** The value made under this key before, or `make`'s. Keys are shared by the whole graph. */
  once(key: string, make: () => Value): Value;
  /** The finished graph. Throws an InputError (`unsupported_checkpoint`) that names every weight that does not fit. */
  build(): Graph;
}

export function createBuilder(options: BuilderOptions): Builder {
  const weights = createWeightReader(options);
  const inputs: GraphTensor[] = [];
  const outputs: GraphTensor[] = [];
  const nodes: GraphNode[] = [];
  const constants: Initializer[] = [];
  const made = new Map<string, Value>();
  const useCounts = new Map<string, number>();

  function uniqueName(wanted: string): string {
    const count = useCounts.get(wanted) ?? 0;
    useCounts.set(wanted, count + 1);
    return count === 0 ? wanted : `${wanted}_${count}`;
  }

  function once(key: string, make: () => Value): Value {
    const value = made.get(key) ?? make();
    made.set(key, value);
    return value;
  }

  function constant(type: ElementType, dims: readonly number[], bytes: Uint8Array): Value {
    return once(`constant ${type} [${dims}] ${bytes.join()}`, () => {
      const name = uniqueName('constant');
      constants.push({ name, type, dims, data: { kind: 'inline', bytes } });
      return { name };
    });
  }

  function builderAt(path: string): Builder {
    const below = (name: string): string => (path === '' ? name : `${path}.${name}`);
    const builder: Builder = {
      path,
      lora: options.lora,
      once,
      at: (child) => builderAt(below(child)),

      input(tensor) {
        assert(!inputs.some((input) => input.name === tensor.name), `input ${tensor.name} is declared twice`);
        inputs.push(tensor);
        return { name: tensor.name };
      },

      output(tensor, value) {
        outputs.push(tensor);
        const name = uniqueName(below('Identity'));
        nodes.push({ name, operator: 'Identity', inputs: [value.name], outputs: [tensor.name], attributes: {} });
      },

      node(operator, nodeInputs, attributes) {
        const [value] = builder.nodes(operator, nodeInputs, attributes, 1);
        assert(value !== undefined, `${operator} has an output`);
        return value;
      },

      nodes(operator, nodeInputs, attributes, outputCount) {
        const name = uniqueName(below(operator));
        const names = Array.from({ length: outputCount }, (_, index) => (index === 0 ? name : `${name}:${index}`));
        const inputNames = nodeInputs.map((input) => input?.name ?? '');
        nodes.push({ name, operator, inputs: inputNames, outputs: names, attributes });
        return names.map((output) => ({ name: output }));
      },

      floats(values, dims) {
        return constant('float32', dims, new Uint8Array(Float32Array.from(values).buffer));
      },

      integers(values) {
        return constant('int64', [values.length], new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer));
      },

      weight: (name, dims) => builder.float32(builder.storedWeight(name, dims)),
      storedWeight: (name, dims) => weights.find(below(name), dims),

      float32(value) {
        return value.type === 'float32' ? value : builder.node('Cast', [value], { to: 'float32' });
      },

      build() {
        const problems = weights.problems();
        if (problems.length > 0) throw new InputError(problems);
        const initializers = [...constants, ...weights.used()];
        return Object.freeze({ name: options.name, inputs, outputs, initializers, nodes });
      },
    };
    return builder;
  }

  return builderAt('');
}
