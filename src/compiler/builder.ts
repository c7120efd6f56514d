/**
 * Builds a graph, node by node. A builder stands at one module of the checkpoint (`down_blocks.0.resnets.1`): weights are named from
 * there, and nodes carry its path, so that a profile of a run reads like the model. All builders made from one another with `at`
 * add to the same graph.
 *
 * Weights are never copied: an initializer points into the checkpoint's file. Each is checked against the shape that the code
 * expects, and all that differ are reported together, so the blocks themselves are the one description of what a checkpoint holds.
 */

import { assert } from '../core/assert.ts';
import type { LoraComponent } from '../core/lora/target.ts';
import { InputError, type Problem } from '../core/problem.ts';
import { FLOAT_DTYPES, type FloatDtype, isFloatDtype } from '../core/safetensors/decode-floats.ts';
import type { Weights } from './checkpoint.ts';
import type { ElementType, Graph, GraphNode, GraphTensor, Initializer } from './graph.ts';
import { DATA_TYPES } from './onnx/model-writer.ts';
import type { AttributesOf, OperatorName } from './operators.ts';

/** A tensor within a graph under construction. */
export interface Value {
  readonly name: string;
}

export interface BuilderOptions {
  readonly name: string;
  readonly weights: Weights;
  /** The component whose LoRAs act on the graph's linear layers, which then take factors as inputs; null for none. */
  readonly lora: LoraComponent | null;
  /** The name that the file uses for a weight, where it differs from the one that today's diffusers uses. */
  readonly storedName?: (name: string) => string;
  /**
   * Where the file's names start with one of these, every weight must be used: one that is not belongs to a layer that the config
   * does not describe, and the model would be another than the one that was trained. The empty string stands for the whole file.
   */
  readonly wholeParts?: readonly string[];
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
  /** A weight of this module for computing with. `dims` are those of use: see `storedWeight`. */
  weight(name: string, dims: readonly number[]): Value;
  /**
   * A weight as its file stores it. Sizes of 1 do not count when `dims` are compared with the file's: a 1x1 convolution is stored as
   * [out, in, 1, 1] and used as a matrix, a norm's scale as [channels] and used as [channels, 1, 1]. The bytes are the same.
   */
  storedWeight(name: string, dims: readonly number[]): StoredValue;
  /** Widens to float32, which is what graphs compute in on a CPU. The runtime does it once, at load, to a weight. */
  float32(value: StoredValue): Value;
  /** The value made under this key before, or `make`'s. Keys are shared by the whole graph. */
  once(key: string, make: () => Value): Value;
  /** The finished graph. Throws an InputError (`unsupported_checkpoint`) that names every weight that is missing, of another shape or not used. */
  build(): Graph;
}

export interface StoredValue extends Value {
  readonly type: ElementType;
}

const PROBLEMS_SHOWN = 12;

const ELEMENT_TYPES: Readonly<Record<FloatDtype, ElementType>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

export function createBuilder(options: BuilderOptions): Builder {
  const { weights, lora, storedName = (name) => name, wholeParts = [] } = options;
  const inputs: GraphTensor[] = [];
  const outputs: GraphTensor[] = [];
  const nodes: GraphNode[] = [];
  const initializers: Initializer[] = [];
  const problems: Problem[] = [];
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
      initializers.push({ name, type, dims, data: { kind: 'inline', bytes } });
      return { name };
    });
  }

  function storedWeight(name: string, dims: readonly number[]): StoredValue {
    const stored = storedName(name);
    const entry = weights.entries.get(stored);
    if (entry === undefined) {
      refuse(stored, `is missing; must be [${dims}]`);
      return { name: stored, type: 'float32' };
    }
    if (!sameWithoutOnes(entry.dims, dims)) refuse(stored, `is [${entry.dims}]; must be [${dims}] by the config`);
    if (!isFloatDtype(entry.dtype)) {
      refuse(stored, `is of type ${entry.dtype}; must be one of ${FLOAT_DTYPES.join(', ')}`);
      return { name: stored, type: 'float32' };
    }
    const type = ELEMENT_TYPES[entry.dtype];
    once(weightKey(stored), () => {
      const { start, end } = entry;
      initializers.push({ name: stored, type, dims, data: { kind: 'external', file: weights.file, start, end } });
      return { name: stored };
    });
    return { name: stored, type };
  }

  function refuse(weight: string, reason: string): void {
    const message = `${weights.subject}: ${weight} ${reason}`;
    problems.push({ code: 'unsupported_checkpoint', subject: weights.subject, message });
  }

  function refuseUnused(): void {
    for (const name of weights.entries.keys()) {
      const mustBeUsed = wholeParts.some((part) => name.startsWith(part));
      if (mustBeUsed && !made.has(weightKey(name))) refuse(name, 'belongs to no layer that the config describes');
    }
  }

  function builderAt(path: string): Builder {
    const below = (name: string): string => (path === '' ? name : `${path}.${name}`);
    const builder: Builder = {
      path,
      lora,
      once,
      storedWeight: (name, dims) => storedWeight(below(name), dims),
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

      weight(name, dims) {
        return builder.float32(builder.storedWeight(name, dims));
      },

      float32(value) {
        if (value.type === 'float32') return value;
        return builder.node('Cast', [value], { to: DATA_TYPES.float32 });
      },

      build() {
        refuseUnused();
        if (problems.length > 0) throw new InputError(fewer(problems, weights.subject));
        return Object.freeze({ name: options.name, inputs, outputs, initializers, nodes });
      },
    };
    return builder;
  }

  return builderAt('');
}

function weightKey(stored: string): string {
  return `weight ${stored}`;
}

/** A checkpoint of another width differs in hundreds of weights; the first few say it. */
function fewer(problems: readonly Problem[], subject: string): readonly Problem[] {
  const rest = problems.length - PROBLEMS_SHOWN;
  if (rest <= 0) return problems;
  const message = `${subject}: ${rest} more weights do not fit`;
  return [...problems.slice(0, PROBLEMS_SHOWN), { code: 'unsupported_checkpoint', subject, message }];
}

function sameWithoutOnes(a: readonly number[], b: readonly number[]): boolean {
  const significant = (dims: readonly number[]): string => dims.filter((dim) => dim !== 1).join();
  return significant(a) === significant(b);
}
