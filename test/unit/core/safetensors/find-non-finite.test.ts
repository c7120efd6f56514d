import { expect, test } from 'vitest';
import { decodeFloats, FLOAT_DTYPES } from '../../../../src/core/safetensors/decode-floats.ts';
import { findNonFinite } from '../../../../src/core/safetensors/find-non-finite.ts';

test('agrees with decoding on every 16-bit pattern, in every format', () => {
  for (const dtype of FLOAT_DTYPES) {
    for (let upper = 0; upper < 0x10000; upper++) {
      // Of a float32 the upper half, above a fraction that alone decides nothing.
      const bytes = dtype === 'F32' ? [0x12, 0x34, upper & 0xff, upper >> 8] : [upper & 0xff, upper >> 8];
      const data = Uint8Array.from(bytes);
      const finite = Number.isFinite(decodeFloats(data, dtype)[0]);
      if (findNonFinite(data, dtype) !== (finite ? -1 : 0)) expect.unreachable(`${dtype} ${upper.toString(16)}`);
    }
  }
});

test('says which value it is', () => {
  const bytes = new Uint8Array(Float32Array.of(1, 2, Number.NaN, Number.POSITIVE_INFINITY).buffer);
  expect(findNonFinite(bytes, 'F32')).toBe(2);
  expect(findNonFinite(bytes.subarray(0, 8), 'F32')).toBe(-1);
  expect(findNonFinite(new Uint8Array(), 'BF16')).toBe(-1);
});
