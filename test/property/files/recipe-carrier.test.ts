import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { OUTPUT_FORMATS, resolveOutput } from '../../../src/contract/output.ts';
import { encodeImage } from '../../../src/files/encode-image.ts';
import { CARRIERS } from '../../../src/files/recipe-carrier.ts';

describe.each(OUTPUT_FORMATS)('a recipe in %s', (format) => {
  const carrier = CARRIERS[format];
  let plain: Uint8Array;

  beforeAll(async () => {
    const pixels = new Uint8Array(3 * 8 * 8);
    const picture = { width: 8, height: 8, pixels, recipe: '{}', output: resolveOutput({ format }) };
    plain = (await encodeImage(picture)).bytes;
  });

  test('always comes back as the JSON that it is', async () => {
    const pixels = new Uint8Array(3 * 8 * 8).fill(128);
    const output = resolveOutput({ format });
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 200 }), async (prompt) => {
        const recipe = JSON.stringify({ prompt });
        const { bytes } = await encodeImage({ width: 8, height: 8, pixels, recipe, output });
        expect(JSON.parse(carrier.read(bytes) ?? '')).toEqual({ prompt });
      }),
      { numRuns: 50 },
    );
  });

  test('of a damaged file is never an exception', () => {
    const edit = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 8 }), fc.nat(), (edits, cut) => {
        const bytes = Buffer.from(plain);
        for (const [at, value] of edits) bytes[at % bytes.length] = value;
        const damaged = bytes.subarray(0, cut % (bytes.length + 1));
        expect(typeof (carrier.read(damaged) ?? '')).toBe('string');
        expect(typeof carrier.isOwn(damaged)).toBe('boolean');
      }),
      { numRuns: 2000 },
    );
  });
});
