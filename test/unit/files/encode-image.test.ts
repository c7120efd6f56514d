import { createHash } from 'node:crypto';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { OUTPUT_FORMATS, resolveOutput } from '../../../src/contract/output.ts';
import { encodeImage } from '../../../src/files/encode-image.ts';
import { CARRIERS } from '../../../src/files/recipe-carrier.ts';

const size = { width: 24, height: 16 };
const pixels = Uint8Array.from({ length: 3 * size.width * size.height }, (_, index) => (index * 37) % 256);
const picture = { ...size, pixels, recipe: '{"prompt":"ein Füchslein 🦊 <b> & \\"]]>"}' };

describe.each(OUTPUT_FORMATS)('a picture as %s', (format) => {
  const output = resolveOutput({ format });

  test('is of the type that it says, and of the size', async () => {
    const { bytes, content_type } = await encodeImage({ ...picture, output });

    const read = await sharp(bytes).metadata();
    expect({ type: `image/${read.format}`, width: read.width, height: read.height, channels: read.channels }).toEqual({
      type: content_type,
      ...size,
      channels: 3,
    });
  });

  test('gives its recipe back, to the letter', async () => {
    const { bytes } = await encodeImage({ ...picture, output });

    expect(CARRIERS[format].read(bytes)).toBe(picture.recipe);
  });

  test('is found by its first bytes among all formats', async () => {
    const { bytes } = await encodeImage({ ...picture, output });

    expect(OUTPUT_FORMATS.filter((candidate) => CARRIERS[candidate].isOwn(bytes))).toEqual([format]);
  });

  test('is the same to the byte when it is made again, and says its hashes', async () => {
    const first = await encodeImage({ ...picture, output });
    const second = await encodeImage({ ...picture, output });

    expect(second).toEqual(first);
    expect(first.sha256).toBe(createHash('sha256').update(first.bytes).digest('hex'));
    expect(first.pixels_sha256).toBe(createHash('sha256').update(pixels).digest('hex'));
  });

  test('carries none where the output says so, and is the same file whatever the recipe', async () => {
    const bare = resolveOutput({ format, metadata: false });
    const { bytes, pixels_sha256 } = await encodeImage({ ...picture, output: bare });

    expect(CARRIERS[format].read(bytes)).toBeUndefined();
    expect(Buffer.from(bytes).includes('prompt')).toBe(false);
    expect((await encodeImage({ ...picture, recipe: '{}', output: bare })).bytes).toEqual(bytes);
    expect((await encodeImage({ ...picture, output })).pixels_sha256).toBe(pixels_sha256);
  });

  test('with another recipe is another file of the same pixels', async () => {
    const one = await encodeImage({ ...picture, output });
    const other = await encodeImage({ ...picture, recipe: '{}', output });

    expect(other.sha256).not.toBe(one.sha256);
    expect(await sharp(other.bytes).raw().toBuffer()).toEqual(await sharp(one.bytes).raw().toBuffer());
  });
});

test('a PNG holds the pixels, bit for bit, and its recipe as a comment', async () => {
  const { bytes } = await encodeImage({ ...picture, output: { format: 'png' } });

  expect(new Uint8Array(await sharp(bytes).raw().toBuffer())).toEqual(pixels);
  expect((await sharp(bytes).metadata()).comments).toEqual([{ keyword: 'overtone', text: picture.recipe }]);
});

test.each(['webp', 'jpeg'] as const)(
  '%s of a higher quality is nearer to the pixels, in more bytes',
  async (format) => {
    const encoded = await Promise.all(
      [20, 95].map((quality) => encodeImage({ ...picture, output: { format, quality } })),
    );
    const distances = await Promise.all(
      encoded.map(async ({ bytes }) => distance(await sharp(bytes).raw().toBuffer())),
    );

    expect(distances[1]).toBeLessThan(distances[0] ?? 0);
    expect(encoded[1]?.bytes.length).toBeGreaterThan(encoded[0]?.bytes.length ?? 0);
  },
);

test.each(['webp', 'jpeg'] as const)('%s shows its recipe as XMP to programs that know XMP', async (format) => {
  const { bytes } = await encodeImage({ ...picture, output: { format, quality: 90 } });

  const { xmp } = await sharp(bytes).metadata();
  expect(xmp?.toString('utf8')).toContain('<overtone:recipe>{"prompt":"ein Füchslein 🦊 &lt;b&gt; &amp; ');
});

test('pixels of another size than the picture are a programmer error', async () => {
  const output = { format: 'png' } as const;

  await expect(encodeImage({ ...picture, width: 5, output })).rejects.toThrow('are no RGB picture of 5x16');
});

function distance(other: Uint8Array): number {
  return pixels.reduce((sum, value, index) => sum + Math.abs(value - (other[index] ?? 0)), 0);
}
