/**
 * The first NaN or infinity among the stored values of a tensor, by its bits: all ones in the exponent, in every float format.
 * The whole of a file is looked through with this, so nothing is decoded.
 */

import type { FloatDtype } from './decode-floats.ts';

/** The bits of the exponent, in the upper two bytes of a value. */
const EXPONENT: Readonly<Record<FloatDtype, number>> = { F32: 0x7f80, F16: 0x7c00, BF16: 0x7f80 };

/** Its index, or -1. `bytes` are little-endian and hold whole values. */
export function findNonFinite(bytes: Uint8Array, dtype: FloatDtype): number {
  const size = dtype === 'F32' ? 4 : 2;
  const exponent = EXPONENT[dtype];
  for (let end = size; end <= bytes.length; end += size) {
    const upper = ((bytes[end - 1] ?? 0) << 8) | (bytes[end - 2] ?? 0);
    if ((upper & exponent) === exponent) return end / size - 1;
  }
  return -1;
}
