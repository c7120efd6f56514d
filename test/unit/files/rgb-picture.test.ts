import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { pixelsSha256, readRgbPicture, squareOf, squaresOf } from '../../../src/files/rgb-picture.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-rgb-'));
});
afterEach(() => rm(folder, { recursive: true }));

const plain = (width: number, height: number, colour: readonly number[]) => ({
  width,
  height,
  pixels: Uint8Array.from({ length: 3 * width * height }, (_, index) => colour[index % 3] ?? 0),
});
const encoded = ({ width, height, pixels }: ReturnType<typeof plain>) =>
  sharp(pixels, { raw: { width, height, channels: 3 } });

test('a picture is read as its pixels, whatever its format and colours', async () => {
  const picture = plain(3, 2, [10, 20, 30]);
  await encoded(picture).png().toFile(join(folder, 'rgb.png'));
  expect(await readRgbPicture(join(folder, 'rgb.png'))).toEqual(picture);
  await encoded(plain(3, 2, [70, 70, 70]))
    .ensureAlpha()
    .greyscale()
    .webp({ lossless: true })
    .toFile(join(folder, 'grey.webp'));
  expect(await readRgbPicture(join(folder, 'grey.webp'))).toEqual(plain(3, 2, [70, 70, 70]));
});

test('what is no picture is refused by name', async () => {
  await writeFile(join(folder, 'words.png'), 'words');
  await expect(readRgbPicture(join(folder, 'words.png'))).rejects.toThrow('words.png is no picture that can be read');
});

test('a strip falls into its squares', async () => {
  const [red, blue] = [plain(2, 2, [255, 0, 0]), plain(2, 2, [0, 0, 255])];
  const both = await encoded(plain(4, 2, [255, 0, 0]))
    .composite([{ input: await encoded(blue).png().toBuffer(), left: 2, top: 0 }])
    .png()
    .toBuffer();
  await writeFile(join(folder, 'strip.png'), both);
  expect(await squaresOf(await readRgbPicture(join(folder, 'strip.png')))).toEqual([red, blue]);
});

test('a picture of the right size is itself, and another one keeps its middle', async () => {
  const picture = plain(4, 4, [1, 2, 3]);
  expect(await squareOf(picture, 4)).toBe(picture);
  expect(await squareOf(plain(9, 4, [1, 2, 3]), 2)).toEqual(plain(2, 2, [1, 2, 3]));
});

test('pixels have one hash, whatever file they came from', async () => {
  const picture = plain(3, 2, [10, 20, 30]);
  await encoded(picture).png().toFile(join(folder, 'a.png'));
  await encoded(picture).webp({ lossless: true }).toFile(join(folder, 'a.webp'));
  const [png, webp] = [await readRgbPicture(join(folder, 'a.png')), await readRgbPicture(join(folder, 'a.webp'))];
  expect(pixelsSha256(png)).toBe(pixelsSha256(webp));
});
