import { expect, test } from 'vitest';
import {
  bytesField,
  concatBytes,
  floatField,
  integerField,
  messageField,
  stringField,
} from '../../../../src/compiler/onnx/wire.ts';

/** Expected bytes are from protobuf.dev/programming-guides/encoding, or worked out by its rules. */

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test.each([
  [1, 150, '089601'],
  [1, 0, '0800'],
  [1, 127, '087f'],
  [1, 128, '088001'],
  [2, 2 ** 40, '10808080808020'],
  [1, -2, '08feffffffffffffffff01'],
  [20, 7, 'a00107'],
])('field %d with the integer %d', (field, value, bytes) => {
  expect(hex(integerField(field, value))).toBe(bytes);
});

test('integers above 2^53 keep every bit', () => {
  expect(hex(integerField(1, 2n ** 63n - 1n))).toBe('08ffffffffffffffff7f');
});

test('a float is four bytes, little-endian', () => {
  expect(hex(floatField(2, 1))).toBe('150000803f');
  expect(hex(floatField(2, -0.5))).toBe('15000000bf');
});

test('a string is its UTF-8 bytes after their count', () => {
  expect(hex(stringField(2, 'testing'))).toBe('120774657374696e67');
  expect(hex(stringField(2, 'ä'))).toBe('1202c3a4');
});

test('a message is its fields after their length', () => {
  expect(hex(messageField(3, [integerField(1, 150)]))).toBe('1a03089601');
});

test('lengths above 127 take two bytes', () => {
  const field = bytesField(1, new Uint8Array(300));
  expect(hex(field.subarray(0, 3))).toBe('0aac02');
  expect(field).toHaveLength(303);
});

test('no parts make no bytes', () => {
  expect(concatBytes([])).toEqual(new Uint8Array(0));
});
