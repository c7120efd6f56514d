/**
 * How LoRAs enter a graph: as required inputs, one set of factors for each group of rows, so that every row of a call can carry its
 * own LoRAs and changing them costs no reload. A layer at path `m` gains the inputs
 *
 *   m.lora_A [sets, inputWidth, rank]     m.lora_B [sets, rank, outputWidth]     (alpha / rank and weight folded in)
 *
 * Rows are grouped by set: row r uses set floor(r / (rows / sets)). Rank 0 means no LoRA; several LoRAs at once are one set with
 * their factors concatenated along the rank. Each layer has a rank of its own.
 */

import { assert } from '../core/assert.ts';
import type { LoraComponent, LoraTarget } from '../core/lora/target.ts';
import type { Builder, Value } from './builder.ts';
import type { GraphTensor } from './graph.ts';
import { shapeOf, type Tokens } from './layout.ts';

const A_SUFFIX = '.lora_A';
const B_SUFFIX = '.lora_B';

/**
 * Adds (x·A)·B to `product` = x·W of the layer that the builder stands at. It comes before the bias: the other way round the runtime
 * may fuse product and bias in one kind of graph and not in the other, and rows of rank 0 were then not bit-equal with the plain one.
 */
export function addLoraTerm(builder: Builder, x: Tokens, product: Tokens): Tokens {
  if (builder.lora === null) return product;
  const rank = `${builder.path}.rank`;
  const a = builder.input({ name: builder.path + A_SUFFIX, type: 'float32', dims: ['sets', x.width, rank] });
  const b = builder.input({ name: builder.path + B_SUFFIX, type: 'float32', dims: ['sets', rank, product.width] });

  // [rows, length, width] is [sets, rows / sets * length, width] in memory, because rows are grouped by set.
  const sets = builder.once('lora sets', () => builder.node('Shape', [a], { start: 0, end: 1 }));
  const grouped = builder.node('Reshape', [x.value, leadingShape(builder, sets, x.width)], {});
  const low = builder.node('MatMul', [grouped, a], {});
  const high = builder.node('MatMul', [low, b], {});
  const term = builder.node('Reshape', [high, shapeOf(builder, product.value)], {});
  return { value: builder.node('Add', [product.value, term], {}), width: product.width };
}

/** The layers of a graph that take a LoRA, read off its inputs. */
export function loraTargetsOfInputs(inputs: readonly GraphTensor[], component: LoraComponent): readonly LoraTarget[] {
  const byName = new Map(inputs.map((input) => [input.name, input]));
  return inputs
    .filter((input) => input.name.endsWith(A_SUFFIX))
    .map((a) => {
      const module = a.name.slice(0, -A_SUFFIX.length);
      const inputWidth = a.dims[1];
      const outputWidth = byName.get(module + B_SUFFIX)?.dims[2];
      assert(
        typeof inputWidth === 'number' && typeof outputWidth === 'number',
        `${module} has factors of known widths`,
      );
      return { component, module, inputWidth, outputWidth };
    });
}

/** The shape [leading, whatever is left, width]. Layers of one width share it. */
function leadingShape(builder: Builder, leading: Value, width: number): Value {
  return builder.once(`lora shape ${leading.name} ${width}`, () =>
    builder.node('Concat', [leading, builder.integers([-1, width])], { axis: 0 }),
  );
}
