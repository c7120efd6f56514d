import sharp from 'sharp';
import { expect, test } from 'vitest';
import { contactSheet } from '../../../src/files/contact-sheet.ts';

const plain = (background: string) =>
  sharp({ create: { width: 10, height: 6, channels: 3, background } })
    .png()
    .toBuffer();

test('pictures lie row by row, with a white gap between them', async () => {
  const sheet = await contactSheet([await plain('#ff0000'), await plain('#00ff00'), await plain('#0000ff')], 2);
  const { data, info } = await sharp(sheet).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  expect([info.width, info.height]).toEqual([24, 16]);
  const at = (x: number, y: number) => [...data.subarray(3 * (y * info.width + x), 3 * (y * info.width + x) + 3)];
  expect(at(0, 0)).toEqual([255, 0, 0]);
  expect(at(14, 5)).toEqual([0, 255, 0]);
  expect(at(0, 10)).toEqual([0, 0, 255]);
  expect(at(11, 3)).toEqual([255, 255, 255]);
  expect(at(14, 10)).toEqual([255, 255, 255]);
});

test('fewer pictures than columns make a narrower sheet', async () => {
  const { width, height } = await sharp(await contactSheet([await plain('#123456')], 5)).metadata();
  expect([width, height]).toEqual([10, 6]);
});
