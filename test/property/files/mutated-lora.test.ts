import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { InputError } from '../../../src/core/problem.ts';
import { inspectLoraFile } from '../../../src/files/lora-file.ts';
import { TARGETS } from '../../support/lora-targets.ts';

/**
 * Real LoRA files with something broken in them: what comes of it is a LoRA or an `InputError`, soon, and never anything else.
 * `OVERTONE_FUZZ=10000` tries as many files.
 */

const RUNS = Number(process.env.OVERTONE_FUZZ ?? 200);
const SOON_MS = 2000;
const FOLDER = join(import.meta.dirname, '../../golden/loras');
const FILES = ['', 'bad']
  .flatMap((folder) => readdirSync(join(FOLDER, folder)).map((name) => join(FOLDER, folder, name)))
  .filter((path) => path.endsWith('.safetensors'))
  .map((path) => readFileSync(path));

const folder = mkdtempSync(join(tmpdir(), 'overtone-mutated-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const fraction = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

/** One change; places are fractions of the header's length or of the file's. */
const change = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('header byte'), at: fraction, byte: fc.nat(255) }) },
  fc.record({ kind: fc.constant('byte'), at: fraction, byte: fc.nat(255) }),
  fc.record({ kind: fc.constant('length'), at: fraction, byte: fc.nat(255) }),
  fc.record({ kind: fc.constant('cut'), at: fraction, byte: fc.nat(255) }),
  fc.record({ kind: fc.constant('grow'), at: fraction, byte: fc.nat(255) }),
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('digit'), at: fraction, byte: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('copy'), at: fraction, byte: fc.nat(255) }) },
);
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

function mutated(file: Buffer, changes: readonly Change[]): Buffer {
  return changes.reduce((bytes, { kind, at, byte }) => {
    const headerEnd = Math.min(bytes.length, 8 + (bytes.length < 8 ? 0 : Number(bytes.readBigUInt64LE(0) % 2n ** 32n)));
    const inHeader = Math.min(bytes.length - 1, 8 + Math.floor(at * Math.max(1, headerEnd - 8)));
    const changed = Buffer.from(bytes);
    switch (kind) {
      case 'header byte':
        changed[inHeader] = byte;
        return changed;
      case 'byte':
        changed[Math.floor(at * changed.length)] = byte;
        return changed;
      case 'length':
        changed[Math.floor(at * 8)] = byte;
        return changed;
      case 'cut':
        return changed.subarray(0, Math.floor(at * changed.length));
      case 'grow':
        return Buffer.concat([changed, Buffer.alloc(1 + byte)]);
      case 'digit': {
        // The next number of the header gets another digit: offsets that overlap, shapes that do not fit, sizes out of all bounds.
        const place = changed.subarray(inHeader, headerEnd).findIndex((code) => code >= 0x30 && code <= 0x39);
        if (place >= 0) changed[inHeader + place] = 0x30 + byte;
        return changed;
      }
      default: {
        // A part of the header again, elsewhere: names that come twice, brackets that do not close.
        const from = Math.floor(at * inHeader);
        return Buffer.concat([
          changed.subarray(0, inHeader),
          changed.subarray(from, from + byte),
          changed.subarray(inHeader),
        ]);
      }
    }
  }, file);
}

test(`${RUNS} LoRA files with something broken in them are LoRAs, or are refused in words, and soon`, async () => {
  let refused = 0;
  const path = join(folder, 'mutated.safetensors');
  const file = fc.integer({ min: 0, max: FILES.length - 1 });
  await fc.assert(
    fc.asyncProperty(file, fc.array(change, { minLength: 1, maxLength: 4 }), async (index, changes) => {
      writeFileSync(path, mutated(FILES[index] ?? Buffer.alloc(0), changes));
      const start = performance.now();
      try {
        await inspectLoraFile(path, TARGETS);
      } catch (error) {
        refused += 1;
        expect(error).toBeInstanceOf(InputError);
        expect((error as InputError).problems.length).toBeGreaterThan(0);
      }
      expect(performance.now() - start).toBeLessThan(SOON_MS);
    }),
    { numRuns: RUNS },
  );
  expect(refused).toBeGreaterThan(RUNS / 4);
}, 600_000);
