import { crc32 } from 'node:zlib';
import type { RecipeCarrier } from './carrier.ts';

/** The recipe as an iTXt chunk before the pixels, where readers find it without reading those (PNG specification, 11.3.3.4). */

/** The text chunk's keyword: where a reader finds the recipe. */
export const RECIPE_KEYWORD = 'overtone';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** Length, type and checksum of a chunk. */
const FRAME_BYTES = 12;
/** The signature, and the header chunk with its 13 bytes of data. */
const HEADER_BYTES = SIGNATURE.length + FRAME_BYTES + 13;

/** No compression, no language, no translated keyword. */
const TEXT_PREFIX = Buffer.from(`${RECIPE_KEYWORD}\0\0\0\0\0`, 'latin1');

export const PNG: RecipeCarrier = {
  isOwn: (file) => SIGNATURE.equals(file.subarray(0, SIGNATURE.length)),
  embed(file, recipe) {
    const text = chunk('iTXt', Buffer.concat([TEXT_PREFIX, Buffer.from(recipe)]));
    return Buffer.concat([file.subarray(0, HEADER_BYTES), text, file.subarray(HEADER_BYTES)]);
  },
  read(file) {
    const bytes = Buffer.from(file.buffer, file.byteOffset, file.length);
    for (let at = SIGNATURE.length; at + FRAME_BYTES <= bytes.length; ) {
      const length = bytes.readUInt32BE(at);
      const type = bytes.toString('latin1', at + 4, at + 8);
      const content = bytes.subarray(at + 8, at + 8 + length);
      if (type === 'IDAT' || content.length < length) return undefined;
      if (type === 'iTXt' && TEXT_PREFIX.equals(content.subarray(0, TEXT_PREFIX.length))) {
        return content.toString('utf8', TEXT_PREFIX.length);
      }
      at += FRAME_BYTES + length;
    }
    return undefined;
  },
  recipeBytesMax: null,
};

function chunk(type: string, data: Uint8Array): Uint8Array {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}
