import sharp from 'sharp';
import type { RgbImage } from '../core/image/planes-to-rgb.ts';

/** A preview as a file small enough to travel in an event: WebP, smoothly scaled up so that a person can see it. */

export interface EncodedPreview {
  readonly content_type: 'image/webp';
  readonly width: number;
  readonly height: number;
  readonly bytes: Uint8Array;
}

/** The longer side after scaling, unless the preview is larger already. */
const SIDE_PX = 256;
/** Pure noise, which compresses worst, still ends below `PREVIEW_BYTES_MAX` at the last. */
const QUALITIES = [75, 50, 20, 1];
export const PREVIEW_BYTES_MAX = 20_000;

export async function encodePreview({ width, height, pixels }: RgbImage): Promise<EncodedPreview> {
  const factor = Math.max(1, Math.floor(SIDE_PX / Math.max(width, height)));
  const size = { width: width * factor, height: height * factor };
  const scaled = sharp(pixels, { raw: { width, height, channels: 3 } }).resize({ ...size, kernel: 'cubic' });
  let bytes: Buffer = Buffer.alloc(0);
  for (const quality of QUALITIES) {
    bytes = await scaled.clone().webp({ quality }).toBuffer();
    if (bytes.length <= PREVIEW_BYTES_MAX) break;
  }
  return { content_type: 'image/webp', ...size, bytes };
}
