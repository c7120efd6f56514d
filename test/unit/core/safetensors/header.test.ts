import { describe, expect, test } from 'vitest';
import { InputError } from '../../../../src/core/problem.ts';
import { HEADER_BYTES_MAX, parseSafetensorsHeader } from '../../../../src/core/safetensors/header.ts';

/** A file with this header text and so many bytes of data. */
function file(header: string, dataBytes: number): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

function parse(header: unknown, dataBytes: number) {
  const bytes = file(JSON.stringify(header), dataBytes);
  return parseSafetensorsHeader(bytes, bytes.length, 'x.safetensors');
}

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    expect(error.problems.every((problem) => problem.code === 'malformed_file')).toBe(true);
    return error.message;
  }
  throw new Error('nothing was refused');
}

const A = { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] };
const B = { dtype: 'F16', shape: [5], data_offsets: [24, 34] };

test('entries carry absolute offsets, whatever their order in the header', () => {
  const bytes = file(JSON.stringify({ b: B, __metadata__: { format: 'pt' }, a: A }), 34);
  const { entries, metadata } = parseSafetensorsHeader(bytes, bytes.length, 'x.safetensors');
  const dataStart = bytes.length - 34;
  expect(entries.get('a')).toEqual({ name: 'a', dtype: 'F32', dims: [2, 3], start: dataStart, end: dataStart + 24 });
  expect(entries.get('b')).toEqual({ name: 'b', dtype: 'F16', dims: [5], start: dataStart + 24, end: dataStart + 34 });
  expect(metadata).toEqual({ format: 'pt' });
});

test('the header alone is enough, as long as the file is as long as it says', () => {
  const bytes = file(JSON.stringify({ a: A }), 24);
  const header = bytes.subarray(0, bytes.length - 24);
  expect(parseSafetensorsHeader(header, bytes.length, 'x.safetensors').entries.size).toBe(1);
});

test('scalars and empty tensors are tensors', () => {
  const { entries } = parse(
    {
      scalar: { dtype: 'F32', shape: [], data_offsets: [0, 4] },
      empty: { dtype: 'F32', shape: [0, 7], data_offsets: [4, 4] },
    },
    4,
  );
  expect(entries.get('scalar')?.dims).toEqual([]);
  expect(entries.get('empty')?.dims).toEqual([0, 7]);
});

test('names that JavaScript gives a meaning to are names like any other', () => {
  const bytes = file('{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4);
  expect([...parseSafetensorsHeader(bytes, bytes.length, 'x').entries.keys()]).toEqual(['__proto__']);
});

describe('a file is refused', () => {
  test('where it is shorter than the length of a header', () => {
    const bytes = new Uint8Array(7);
    expect(refusal(() => parseSafetensorsHeader(bytes, 7, 'x'))).toContain('has 7 bytes');
  });

  test('where it claims a header of 2 GB', () => {
    const bytes = new Uint8Array(16);
    new DataView(bytes.buffer).setBigUint64(0, 2_000_000_000n, true);
    const message = refusal(() => parseSafetensorsHeader(bytes, 4_000_000_000, 'x'));
    expect(message).toBe(`x: claims a header of 2000000000 bytes; must be at most ${HEADER_BYTES_MAX}`);
  });

  test('where its header ends after the file', () => {
    const bytes = file('{}', 0).subarray(0, 9);
    expect(refusal(() => parseSafetensorsHeader(bytes, 9, 'x'))).toContain('truncated');
  });

  test('where its data ends before its tensors do', () => {
    expect(refusal(() => parse({ a: A }, 23))).toContain('tensor "a" lies at bytes 0 to 24 of 23 bytes of data');
  });

  test.each([
    ['not JSON', 'nonsense'],
    ['not closed', '{"a": '],
    ['a list', '[]'],
    ['null', 'null'],
    ['empty', ''],
  ])('where its header is %s', (_what, header) => {
    const bytes = file(header, 0);
    expect(refusal(() => parseSafetensorsHeader(bytes, bytes.length, 'x'))).toContain('JSON');
  });

  test('where its header is not UTF-8', () => {
    const bytes = file('{"a":1}', 0);
    bytes[10] = 0xff;
    expect(refusal(() => parseSafetensorsHeader(bytes, bytes.length, 'x'))).toContain('not JSON');
  });

  test.each([
    ['an entry is no object', { a: 7 }, 'must be an object'],
    ['a dtype is unknown', { a: { ...A, dtype: 'Q4' } }, 'dtype "Q4"'],
    ['a dtype is missing', { a: { shape: [2, 3], data_offsets: [0, 24] } }, 'dtype none'],
    ['a shape is negative', { a: { ...A, shape: [-2, -3] } }, 'shape [-2,-3]'],
    ['a shape is fractional', { a: { ...A, shape: [1.5, 4] } }, 'shape [1.5,4]'],
    ['offsets are three', { a: { ...A, data_offsets: [0, 24, 24] } }, 'data_offsets [0,24,24]'],
    ['offsets run backwards', { a: { ...A, data_offsets: [24, 0] } }, 'damaged'],
    ['a shape does not fill its span', { a: { ...A, shape: [2, 2] } }, 'takes 16 bytes'],
    ['a shape overflows', { a: { ...A, shape: [2 ** 40, 2 ** 40] } }, 'but spans 24'],
    ['tensors overlap', { a: A, b: { ...B, data_offsets: [14, 24] } }, 'tensor "b" overlaps'],
    ['tensors leave a hole', { a: A, b: { ...B, data_offsets: [26, 36] } }, 'follows 2 bytes'],
    ['bytes are left at the end', { a: A }, 'belong to no tensor'],
    ['metadata is no map of strings', { __metadata__: { n: 1 }, a: A }, '__metadata__ must map'],
  ])('where %s', (_what, header, message) => {
    const offsets = Object.values(header).flatMap((entry) =>
      typeof entry === 'object' && 'data_offsets' in entry ? entry.data_offsets : [0],
    );
    const dataBytes = Math.max(...offsets) + (message === 'belong to no tensor' ? 3 : 0);
    expect(refusal(() => parse(header, dataBytes))).toContain(message);
  });

  test('where a name comes twice, because the lost tensor leaves a hole', () => {
    const text =
      '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}';
    const bytes = file(text, 8);
    expect(refusal(() => parseSafetensorsHeader(bytes, bytes.length, 'x'))).toContain('follows 4 bytes');
  });

  test('with all faults at once, and not with thousands', () => {
    const entries = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`t${index}`, 7]));
    const message = refusal(() => parse(entries, 0));
    expect(message.split(';')).toHaveLength(9);
    expect(message).toContain('42 more faults');
  });
});
