/**
 * Finds a graph's weights among a component's and remembers everything that does not fit: weights that are missing, of another
 * shape than the graph asks for, of a type that is no float, or left over. So the graphs are the one description of what a
 * checkpoint must hold. Nothing is read from disk here; a weight is where it lies.
 */

import type { Problem } from '../core/problem.ts';
import { FLOAT_DTYPES, type FloatDtype, isFloatDtype } from '../core/safetensors/decode-floats.ts';
import type { Weights } from './checkpoint.ts';
import type { ElementType, Initializer } from './graph.ts';

export interface WeightReaderOptions {
  readonly weights: Weights;
  /** The name that the file uses for a weight, where it differs from the one that today's diffusers uses. */
  readonly storedName?: (name: string) => string;
  /**
   * Where the file's names start with one of these, every weight must be used: one that is not belongs to a layer that the config
   * does not describe, and the model would be another than the one that was trained. The empty string stands for the whole file.
   */
  readonly wholeParts?: readonly string[];
}

export interface WeightReader {
  /**
   * Sizes of 1 do not count when `dims` are compared with the file's: a 1x1 convolution is stored as [out, in, 1, 1] and used as a
   * matrix, a norm's scale as [channels] and used as [channels, 1, 1]. The bytes are the same.
   */
  find(name: string, dims: readonly number[]): Initializer;
  /** Every weight that was found, in the order of first use. */
  used(): readonly Initializer[];
  problems(): readonly Problem[];
}

/** A checkpoint of another width differs in hundreds of weights; the first few say it. */
const PROBLEMS_SHOWN = 12;

const ELEMENT_TYPES: Readonly<Record<FloatDtype, ElementType>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

export function createWeightReader(options: WeightReaderOptions): WeightReader {
  const { weights, storedName = (name) => name, wholeParts = [] } = options;
  const { subject, entries } = weights;
  const used = new Map<string, Initializer>();
  const faults: string[] = [];

  function locate(name: string, dims: readonly number[]): Initializer {
    const entry = entries.get(name);
    if (entry === undefined) faults.push(`${name} is missing; must be [${dims}]`);
    else if (!isSameShape(entry.dims, dims)) faults.push(`${name} is [${entry.dims}]; must be [${dims}] by the config`);
    const { dtype, file, start, end } = entry ?? { dtype: 'F32', file: '', start: 0, end: 0 };
    const isFloat = isFloatDtype(dtype);
    if (!isFloat) faults.push(`${name} is of type ${dtype}; must be one of ${FLOAT_DTYPES.join(', ')}`);
    const type = ELEMENT_TYPES[isFloat ? dtype : 'F32'];
    return { name, type, dims, data: { kind: 'external', file, start, end } };
  }

  function leftOver(): readonly string[] {
    return [...entries.keys()]
      .filter((name) => !used.has(name) && wholeParts.some((part) => name.startsWith(part)))
      .map((name) => `${name} belongs to no layer that the config describes`);
  }

  return {
    find(name, dims) {
      const stored = storedName(name);
      const weight = used.get(stored) ?? locate(stored, dims);
      used.set(stored, weight);
      return weight;
    },

    used: () => [...used.values()],

    problems() {
      const all = [...faults, ...leftOver()];
      const rest = all.length - PROBLEMS_SHOWN;
      const shown = rest > 0 ? [...all.slice(0, PROBLEMS_SHOWN), `${rest} more weights do not fit`] : all;
      return shown.map((fault) => ({ code: 'unsupported_checkpoint', subject, message: `${subject}: ${fault}` }));
    },
  };
}

function isSameShape(a: readonly number[], b: readonly number[]): boolean {
  const significant = (dims: readonly number[]): string => dims.filter((dim) => dim !== 1).join();
  return significant(a) === significant(b);
}
