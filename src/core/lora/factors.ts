import { assert } from '../assert.ts';
import type { LowRankFactors } from './adapter.ts';
import type { LoraModule } from './lora-module.ts';

/**
 * The factors of a module from the file's layout, torch's [out, in], to the graphs', which is transposed; with the file's own scale
 * in `b`. Values are checked by the caller with `firstNonFinite`.
 */
export function factorsOf(
  module: LoraModule,
  tensors: { readonly down: Float32Array; readonly up: Float32Array },
): LowRankFactors {
  const { rank, scale, target } = module;
  const { down, up } = tensors;
  assert(down.length === rank * target.inputWidth, `${module.down} has ${down.length} values`);
  assert(up.length === rank * target.outputWidth, `${module.up} has ${up.length} values`);
  return {
    rank,
    a: transposed(down, { rows: rank, columns: target.inputWidth, scale: 1 }),
    b: transposed(up, { rows: target.outputWidth, columns: rank, scale }),
  };
}

function transposed(
  matrix: Float32Array,
  shape: { readonly rows: number; readonly columns: number; readonly scale: number },
): Float32Array {
  const { rows, columns, scale } = shape;
  const result = new Float32Array(matrix.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      result[column * rows + row] = (matrix[row * columns + column] ?? 0) * scale;
    }
  }
  return result;
}

/** The index of the first NaN or infinity; -1 where there is none. */
export function firstNonFinite(values: Float32Array): number {
  for (let index = 0; index < values.length; index++) if (!Number.isFinite(values[index])) return index;
  return -1;
}
