import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RequestedComposition } from '../../src/core/composition/options.ts';
import type { Engine } from '../../src/engine/open-engine.ts';
import { openGoldenEngine, picturesOf, resolveGolden } from '../support/golden-engine.ts';
import { asReferenceHasIt } from '../support/reference-composition.ts';

/**
 * Whole pictures, from the request to the pixels: `merge` against diffusers' own pipeline, the other methods against the Python
 * reference that was written from the specification apart from this code. Both compute in float32, each with its own order of
 * sums; 45 dB is what that leaves room for, and any two methods' pictures are at most 35 dB apart.
 */

const LEAST_PSNR = 45;
const EXPECTED = join(import.meta.dirname, 'expected');

interface GoldenPicture {
  readonly name: string;
  readonly file: string;
  readonly request: {
    readonly composition: RequestedComposition;
    readonly steps: number;
    readonly loras: readonly { readonly id: string; readonly weight: number; readonly frequency_class: string }[];
  };
}

const { pictures } = JSON.parse(readFileSync(join(EXPECTED, 'pictures/manifest.json'), 'utf8')) as {
  readonly pictures: readonly GoldenPicture[];
};

let engine: Engine;
beforeAll(async () => {
  engine = await openGoldenEngine();
});
afterAll(() => engine.close());

describe('a picture is the reference', () => {
  test.each(pictures.map((picture) => [picture.name, picture] as const))('%s', async (_, { file, request }) => {
    const loras = request.loras.map(({ id, weight, frequency_class }) => ({ id, weight, frequency_class }));
    const resolved = await resolveGolden(engine, {
      ...request,
      loras,
      composition: asReferenceHasIt(request.composition, request.steps),
    });

    const { images } = await picturesOf(engine, resolved);

    const [image] = images;
    const expected = await sharp(join(EXPECTED, file)).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    expect([image?.width, image?.height]).toEqual([expected.info.width, expected.info.height]);
    expect(psnr(image?.pixels ?? new Uint8Array(), expected.data)).toBeGreaterThanOrEqual(LEAST_PSNR);
  });
});

/** Peak signal-to-noise ratio of 8-bit pictures, in dB. */
function psnr(actual: Uint8Array, expected: Uint8Array): number {
  const squares = actual.reduce((sum, value, index) => sum + (value - (expected[index] ?? Number.NaN)) ** 2, 0);
  return 10 * Math.log10(255 ** 2 / (squares / expected.length));
}
