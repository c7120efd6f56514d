import sharp from 'sharp';
import { assert } from '../core/assert.ts';

/**
 * Pictures of one size side by side as one PNG. Without words: fonts differ from machine to machine, and a bare one has none, so
 * whoever shows a sheet says what is where.
 */

const GAP_PX = 4;

/** `pictures` are encoded files (PNG, WebP, JPEG), at least one, placed row by row. */
export async function contactSheet(pictures: readonly Uint8Array[], columns: number): Promise<Uint8Array> {
  const [first] = pictures;
  assert(first !== undefined && columns > 0, 'a sheet has pictures and columns');
  const { width, height } = await sharp(first).metadata();
  const rows = Math.ceil(pictures.length / columns);
  const along = (count: number, sidePx: number) => count * (sidePx + GAP_PX) - GAP_PX;
  const canvas = {
    width: along(Math.min(columns, pictures.length), width),
    height: along(rows, height),
    channels: 3,
    background: 'white',
  } as const;
  const placed = pictures.map((picture, index) => ({
    input: Buffer.from(picture),
    left: (index % columns) * (width + GAP_PX),
    top: Math.floor(index / columns) * (height + GAP_PX),
  }));
  return sharp({ create: canvas }).composite(placed).png().toBuffer();
}
