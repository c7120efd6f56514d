import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InputError } from '../../../../src/core/problem.ts';
import { parseSafetensorsHeader } from '../../../../src/core/safetensors/header.ts';
import { safetensorsFile } from '../../../support/rewrite-weights.ts';

/** A header may say anything: it is parsed or refused with an InputError, and what is parsed can be read without a further check. */

const files = fc
  .array(fc.record({ name: fc.string(), dims: fc.array(fc.nat(4), { maxLength: 3 }) }), { maxLength: 6 })
  .map((tensors) => [
    ...new Map(tensors.filter(({ name }) => name !== '__metadata__').map((t) => [t.name, t])).values(),
  ])
  .map((tensors) =>
    safetensorsFile(
      tensors.map(({ name, dims }) => {
        const count = dims.reduce((product, dim) => product * dim, 1);
        return { name, dtype: 'F16', dims, bytes: new Uint8Array(2 * count) };
      }),
    ),
  );

function expectParsedOrRefused(bytes: Uint8Array): void {
  try {
    const { entries } = parseSafetensorsHeader(bytes, bytes.length, 'x');
    let covered = 0;
    for (const { start, end, dims } of entries.values()) {
      expect(start).toBeGreaterThanOrEqual(8);
      expect(end).toBeLessThanOrEqual(bytes.length);
      expect(dims.every((dim) => Number.isSafeInteger(dim) && dim >= 0)).toBe(true);
      covered += end - start;
    }
    expect(covered).toBeLessThan(bytes.length);
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
  }
}

test('a well-formed file is always parsed', () => {
  fc.assert(
    fc.property(files, (bytes) => {
      expect(() => parseSafetensorsHeader(bytes, bytes.length, 'x')).not.toThrow();
    }),
  );
});

test('a file with bytes changed is always parsed or refused', () => {
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(files, changes, (bytes, edits) => {
      const changed = Uint8Array.from(bytes);
      for (const [position, value] of edits) changed[position % changed.length] = value;
      expectParsedOrRefused(changed);
    }),
    { numRuns: 1000 },
  );
});

test('a file cut short is always refused', () => {
  fc.assert(
    fc.property(files, fc.nat(), (bytes, cut) => {
      const length = cut % bytes.length;
      expect(() => parseSafetensorsHeader(bytes.subarray(0, length), length, 'x')).toThrow(InputError);
    }),
  );
});

test('a header of any JSON at all is always parsed or refused', () => {
  const entry = fc.record(
    {
      dtype: fc.oneof(fc.constantFrom('F32', 'F16', 'BF16', 'I64'), fc.jsonValue()),
      shape: fc.oneof(fc.array(fc.integer({ min: -2, max: 5 }), { maxLength: 4 }), fc.jsonValue()),
      data_offsets: fc.oneof(fc.array(fc.integer({ min: -5, max: 60 }), { maxLength: 3 }), fc.jsonValue()),
    },
    { requiredKeys: [] },
  );
  const header = fc.oneof(fc.dictionary(fc.string(), fc.oneof(entry, fc.jsonValue())), fc.jsonValue());
  fc.assert(
    fc.property(header, fc.nat(64), (value, dataBytes) => {
      const text = new TextEncoder().encode(JSON.stringify(value));
      const bytes = new Uint8Array(8 + text.length + dataBytes);
      new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
      bytes.set(text, 8);
      expectParsedOrRefused(bytes);
    }),
    { numRuns: 1000 },
  );
});
