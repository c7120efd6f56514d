import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assert } from '../../src/core/assert.ts';
import type { Tensor } from '../../src/core/tensor/tensor.ts';

/**
 * Reads the reference data of test/golden/expected. On purpose not by the product's own safetensors reader: a mistake there must not
 * be able to hide itself. The files are our own, so nothing is checked.
 */

const EXPECTED = join(import.meta.dirname, '../golden/expected');

export function goldenJson(name: string): unknown {
  return JSON.parse(readFileSync(join(EXPECTED, name), 'utf8'));
}

/** A function that gives the F32 tensors of a safetensors file by their names. */
export function goldenTensors(name: string): (tensor: string) => Tensor {
  const read = tensorBytes(name);
  return (tensor) => {
    const { bytes, dims } = read(tensor, 'F32');
    return { data: new Float32Array(bytes.buffer), dims };
  };
}

/** The same for I64 tensors. */
export function goldenIntegers(name: string): (tensor: string) => readonly number[] {
  const read = tensorBytes(name);
  return (tensor) => Array.from(new BigInt64Array(read(tensor, 'I64').bytes.buffer), Number);
}

function tensorBytes(name: string): (tensor: string, dtype: string) => { bytes: Uint8Array; dims: readonly number[] } {
  const file = readFileSync(join(EXPECTED, name));
  const headerEnd = 8 + Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, headerEnd)) as Record<
    string,
    { readonly dtype: string; readonly shape: readonly number[]; readonly data_offsets: readonly [number, number] }
  >;
  return (tensor, dtype) => {
    const entry = header[tensor];
    assert(entry?.dtype === dtype, `${name} has no ${dtype} tensor ${tensor}`);
    const [start, end] = entry.data_offsets;
    // A copy, because a typed array must begin at a multiple of its element's size.
    return { bytes: new Uint8Array(file.subarray(headerEnd + start, headerEnd + end)), dims: entry.shape };
  };
}
