import { assert } from '../../core/assert.ts';
import type { RecipeCarrier } from './carrier.ts';
import { recipeOfXmp, xmpOf } from './xmp.ts';

/**
 * The recipe as a chunk `XMP ` behind the picture. Only the extended form of the format has it, so the encoder's simple file becomes
 * one (https://developers.google.com/speed/webp/docs/riff_container).
 */

/** `RIFF`, the length of the rest, `WEBP`. */
const HEADER_BYTES = 12;
const FRAME_BYTES = 8;
const HAS_XMP = 0x04;

export const WEBP: RecipeCarrier = {
  isOwn: (file) => nameAt(file, 0) === 'RIFF' && nameAt(file, 8) === 'WEBP',
  embed(file, recipe) {
    const picture = file.subarray(HEADER_BYTES);
    assert(nameAt(picture, 0) === 'VP8 ', 'the encoder writes simple, lossy WebP');
    const chunks = Buffer.concat([chunk('VP8X', extendedHeader(picture)), picture, chunk('XMP ', xmpOf(recipe))]);
    return Buffer.concat([frame('RIFF', 4 + chunks.length), Buffer.from('WEBP'), chunks]);
  },
  read(file) {
    const bytes = Buffer.from(file.buffer, file.byteOffset, file.length);
    for (let at = HEADER_BYTES; at + FRAME_BYTES <= bytes.length; ) {
      const length = bytes.readUInt32LE(at + 4);
      const content = bytes.subarray(at + FRAME_BYTES, at + FRAME_BYTES + length);
      if (content.length < length) return undefined;
      if (nameAt(bytes, at) === 'XMP ') return recipeOfXmp(content);
      at += FRAME_BYTES + length + (length % 2);
    }
    return undefined;
  },
  recipeBytesMax: null,
};

/** Flags, and the picture's size less one in 24 bits each, as the frame header of VP8 has it (RFC 6386, 9.1). */
function extendedHeader(picture: Uint8Array): Uint8Array {
  const bytes = Buffer.from(picture.buffer, picture.byteOffset, picture.length);
  const size = FRAME_BYTES + 6;
  const header = Buffer.alloc(10);
  header.writeUInt8(HAS_XMP, 0);
  header.writeUIntLE((bytes.readUInt16LE(size) & 0x3fff) - 1, 4, 3);
  header.writeUIntLE((bytes.readUInt16LE(size + 2) & 0x3fff) - 1, 7, 3);
  return header;
}

function chunk(name: string, content: Uint8Array): Uint8Array {
  return Buffer.concat([frame(name, content.length), content, Buffer.alloc(content.length % 2)]);
}

function frame(name: string, length: number): Uint8Array {
  const bytes = Buffer.alloc(FRAME_BYTES);
  bytes.write(name, 'latin1');
  bytes.writeUInt32LE(length, 4);
  return bytes;
}

function nameAt(file: Uint8Array, at: number): string {
  return Buffer.from(file.subarray(at, at + 4)).toString('latin1');
}
