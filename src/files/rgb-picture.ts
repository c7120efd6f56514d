import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import sharp from 'sharp';
import type { RgbImage } from '../core/image/planes-to-rgb.ts';
import { InputError } from '../core/problem.ts';

/** Picture files as pixels, for those who look at them: decoded, cut, and brought to the size that a judge takes. */

/** Throws an InputError (`malformed_file`) for what is no picture. */
export async function readRgbPicture(path: string): Promise<RgbImage> {
  const bytes = await readFile(path);
  try {
    const { data, info } = await sharp(bytes)
      .removeAlpha()
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, pixels: new Uint8Array(data) };
  } catch (cause) {
    const subject = basename(path);
    throw new InputError([{ code: 'malformed_file', subject, message: `${subject} is no picture that can be read` }], {
      cause,
    });
  }
}

export function pixelsSha256({ pixels }: RgbImage): string {
  return createHash('sha256').update(pixels).digest('hex');
}

/** The squares of a strip, from left to right: pictures of its height side by side. */
export async function squaresOf(strip: RgbImage): Promise<readonly RgbImage[]> {
  const { width, height } = strip;
  const count = Math.floor(width / height);
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const part = raw(strip).extract({ left: index * height, top: 0, width: height, height });
      return { width: height, height, pixels: new Uint8Array(await part.raw().toBuffer()) };
    }),
  );
}

/**
 * A square of `side` pixels: the shorter edge is brought to it, by the cubic that transformers' CLIP processor uses, and the middle
 * cut out. A picture of this size is itself.
 */
export async function squareOf(picture: RgbImage, side: number): Promise<RgbImage> {
  if (picture.width === side && picture.height === side) return picture;
  const fitted = raw(picture).resize({ width: side, height: side, fit: 'cover', position: 'centre', kernel: 'cubic' });
  return { width: side, height: side, pixels: new Uint8Array(await fitted.raw().toBuffer()) };
}

function raw({ width, height, pixels }: RgbImage) {
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}
