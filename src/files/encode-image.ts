import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { assert } from '../core/assert.ts';

/**
 * Pixels to a PNG file with its recipe inside. The same pixels and recipe give the same bytes: the encoder's settings are written
 * out, and nothing of the moment (no time, no software version of the encoder) goes in.
 */

export interface EncodedImage {
  readonly bytes: Uint8Array;
  /** Of the file, recipe included, in hex. */
  readonly sha256: string;
  /** Of the pixels alone: RGB, 8 bits, row-major. */
  readonly pixels_sha256: string;
}

/** The text chunk's keyword: where a reader finds the recipe. */
export const RECIPE_KEYWORD = 'overtone';

export async function encodePng(image: {
  readonly width: number;
  readonly height: number;
  /** RGB, 8 bits, row-major: 3 * width * height bytes. */
  readonly pixels: Uint8Array;
  readonly recipe: string;
}): Promise<EncodedImage> {
  const { width, height, pixels, recipe } = image;
  assert(pixels.length === 3 * width * height, `${pixels.length} bytes are no RGB picture of ${width}x${height}`);
  const png = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 6, adaptiveFiltering: true, palette: false })
    .toBuffer();
  const bytes = insertAfterHeader(png, internationalText(RECIPE_KEYWORD, recipe));
  return { bytes, sha256: sha256(bytes), pixels_sha256: sha256(pixels) };
}

/** The signature, 8 bytes, and the header chunk: length, type, 13 bytes of data, checksum. */
const HEADER_BYTES = 8 + 4 + 4 + 13 + 4;

/** Text stands before the pixels, where readers find it without reading them. */
function insertAfterHeader(png: Uint8Array, chunk: Uint8Array): Uint8Array {
  return Buffer.concat([png.subarray(0, HEADER_BYTES), chunk, png.subarray(HEADER_BYTES)]);
}

/** An iTXt chunk: keyword, no compression, no language, no translated keyword, UTF-8 text (PNG specification, 11.3.3.4). */
function internationalText(keyword: string, text: string): Uint8Array {
  const [end, uncompressed, method] = ['\0', '\0', '\0'];
  const [language, translatedKeyword] = ['\0', '\0'];
  return chunk('iTXt', Buffer.from(keyword + end + uncompressed + method + language + translatedKeyword + text));
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  return Buffer.concat([bigEndian(data.length), body, bigEndian(crc32(body))]);
}

function bigEndian(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
