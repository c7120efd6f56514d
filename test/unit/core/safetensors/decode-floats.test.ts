import { expect, test } from 'vitest';
import { decodeFloats } from '../../../../src/core/safetensors/decode-floats.ts';

function halves(...words: readonly number[]): Uint8Array {
  return new Uint8Array(Uint16Array.from(words).buffer);
}

/** IEEE 754, 3.5: what 16 bits mean, by arithmetic instead of by moving bits. */
function halfValue(word: number): number {
  const sign = word & 0x8000 ? -1 : 1;
  const exponent = (word >> 10) & 0x1f;
  const fraction = word & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

test('every one of the 65,536 half floats is widened exactly', () => {
  const words = Array.from({ length: 65_536 }, (_, word) => word);
  const decoded = decodeFloats(halves(...words), 'F16');
  const wrong = words.filter((word) => !Object.is(decoded[word], halfValue(word)));
  expect(wrong).toEqual([]);
});

test('bfloat16 is the upper half of a float32', () => {
  const decoded = decodeFloats(halves(0x3f80, 0xc2f7, 0x0000, 0x8000, 0x7f80, 0x0001), 'BF16');
  expect([...decoded]).toEqual([1, -123.5, 0, -0, Number.POSITIVE_INFINITY, 2 ** -133]);
});

test('float32 is copied, from any byte on', () => {
  const bytes = new Uint8Array(9);
  new DataView(bytes.buffer).setFloat32(1, 0.1, true);
  new DataView(bytes.buffer).setFloat32(5, -3, true);
  expect([...decodeFloats(bytes.subarray(1), 'F32')]).toEqual([Math.fround(0.1), -3]);
});

test('half an element is a mistake of the caller', () => {
  expect(() => decodeFloats(new Uint8Array(5), 'F32')).toThrow('assertion failed');
});
