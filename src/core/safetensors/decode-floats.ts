/**
 * Bytes of a safetensors tensor to float32. F32 is copied, F16 and BF16 are widened: every such value is exactly a float32.
 * The format is little-endian, whatever the machine.
 */

import { assert } from '../assert.ts';

export const FLOAT_DTYPES = ['F32', 'F16', 'BF16'] as const;
export type FloatDtype = (typeof FLOAT_DTYPES)[number];

export function isFloatDtype(dtype: string): dtype is FloatDtype {
  return FLOAT_DTYPES.some((known) => known === dtype);
}

/** One float for each element, in the file's order. Spans may start at any byte. */
export function decodeFloats(bytes: Uint8Array, dtype: FloatDtype): Float32Array {
  const elementBytes = dtype === 'F32' ? 4 : 2;
  assert(bytes.length % elementBytes === 0, `${bytes.length} bytes are not a whole number of ${dtype} elements`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const bits = new Uint32Array(bytes.length / elementBytes);
  if (dtype === 'F32') {
    for (let i = 0; i < bits.length; i++) bits[i] = view.getUint32(4 * i, true);
  } else if (dtype === 'F16') {
    for (let i = 0; i < bits.length; i++) bits[i] = widenHalf(view.getUint16(2 * i, true));
  } else {
    // bfloat16 is the upper half of a float32.
    for (let i = 0; i < bits.length; i++) bits[i] = view.getUint16(2 * i, true) << 16;
  }
  return new Float32Array(bits.buffer);
}

/** IEEE 754 binary16 bits (1 sign, 5 exponent with bias 15, 10 fraction) to the binary32 bits of the same value. */
function widenHalf(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13); // infinity, NaN
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (fraction << 13); // bias 127 - 15
  if (fraction === 0) return sign;
  // A subnormal: its leading bit becomes the implicit one.
  const shift = Math.clz32(fraction) - 21;
  return sign | ((113 - shift) << 23) | ((fraction << (13 + shift)) & 0x7fffff);
}
