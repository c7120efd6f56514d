import { createHash } from 'node:crypto';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { encodePng, RECIPE_KEYWORD } from '../../../src/files/encode-image.ts';

const pixels = Uint8Array.from({ length: 3 * 4 * 2 }, (_, index) => (index * 37) % 256);
const picture = { width: 4, height: 2, pixels, recipe: '{"prompt":"ein Füchslein 🦊"}' };

describe('a PNG', () => {
  test('holds the pixels, bit for bit', async () => {
    const { bytes } = await encodePng(picture);

    const read = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
    expect(read.info).toMatchObject({ width: 4, height: 2, channels: 3 });
    expect(new Uint8Array(read.data)).toEqual(pixels);
  });

  test('holds its recipe as UTF-8 text under the keyword', async () => {
    const { bytes } = await encodePng(picture);

    const { comments } = await sharp(bytes).metadata();
    expect(comments).toEqual([{ keyword: RECIPE_KEYWORD, text: picture.recipe }]);
  });

  test('is the same to the byte when it is made again, and says its hashes', async () => {
    const first = await encodePng(picture);
    const second = await encodePng(picture);

    expect(second).toEqual(first);
    expect(first.sha256).toBe(createHash('sha256').update(first.bytes).digest('hex'));
    expect(first.pixels_sha256).toBe(createHash('sha256').update(pixels).digest('hex'));
  });

  test('of another recipe is another file of the same pixels', async () => {
    const one = await encodePng(picture);
    const other = await encodePng({ ...picture, recipe: '{}' });

    expect(other.sha256).not.toBe(one.sha256);
    expect(other.pixels_sha256).toBe(one.pixels_sha256);
  });
});

test('pixels of another size than the picture are a programmer error', async () => {
  await expect(encodePng({ ...picture, width: 5 })).rejects.toThrow('24 bytes are no RGB picture of 5x2');
});
