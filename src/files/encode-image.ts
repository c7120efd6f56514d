import { createHash } from 'node:crypto';
import sharp, { type Sharp } from 'sharp';
import { CONTENT_TYPES, type ImageContentType, type Output } from '../contract/output.ts';
import { assert } from '../core/assert.ts';
import { CARRIERS } from './recipe-carrier.ts';

/**
 * Pixels to a file, with its recipe inside unless the output says otherwise. The same pixels, recipe and output give the same bytes:
 * the encoders' settings are written out, and nothing of the moment (no time, no software version of the encoder) goes in.
 */

export interface EncodedImage {
  readonly bytes: Uint8Array;
  readonly content_type: ImageContentType;
  /** Of the file, with its recipe where it has one, in hex. */
  readonly sha256: string;
  /** Of the pixels that were encoded: RGB, 8 bits, row-major. What WebP and JPEG give back differs from them a little. */
  readonly pixels_sha256: string;
}

export async function encodeImage(image: {
  readonly width: number;
  readonly height: number;
  /** RGB, 8 bits, row-major: 3 * width * height bytes. */
  readonly pixels: Uint8Array;
  /** At most as long as the format's carrier takes. */
  readonly recipe: string;
  readonly output: Output;
}): Promise<EncodedImage> {
  const { width, height, pixels, recipe, output } = image;
  assert(pixels.length === 3 * width * height, `${pixels.length} bytes are no RGB picture of ${width}x${height}`);
  const raw = sharp(pixels, { raw: { width, height, channels: 3 } });
  const file = await encoderOf(raw, output).toBuffer();
  const bytes = output.metadata === false ? file : CARRIERS[output.format].embed(file, recipe);
  return { bytes, content_type: CONTENT_TYPES[output.format], sha256: sha256(bytes), pixels_sha256: sha256(pixels) };
}

function encoderOf(raw: Sharp, output: Output): Sharp {
  switch (output.format) {
    case 'png':
      return raw.png({ compressionLevel: 6, adaptiveFiltering: true, palette: false });
    case 'webp':
      return raw.webp({
        quality: output.quality,
        effort: 4,
        lossless: false,
        nearLossless: false,
        smartSubsample: true,
      });
    case 'jpeg':
      // Colour at full resolution: line art and lettering bleed without it.
      return raw.jpeg({ quality: output.quality, chromaSubsampling: '4:4:4', progressive: false, mozjpeg: false });
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
