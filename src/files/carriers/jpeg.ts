import type { RecipeCarrier } from './carrier.ts';
import { recipeOfXmp, xmpOf } from './xmp.ts';

/** The recipe as an XMP packet in a segment APP1, after the header of JFIF (ISO 16684-3, 6). */

const START = Buffer.from([0xff, 0xd8]);
const MARKER = { app0: 0xe0, app1: 0xe1, scan: 0xda };
const IDENTIFIER = Buffer.from('http://ns.adobe.com/xap/1.0/\0', 'latin1');

/** A segment's length is written in 16 bits and counts itself. */
const CONTENT_BYTES_MAX = 0xffff - 2;

export const JPEG: RecipeCarrier = {
  isOwn: (file) => START.equals(file.subarray(0, 2)) && file[2] === 0xff,
  embed(file, recipe) {
    const bytes = Buffer.from(file.buffer, file.byteOffset, file.length);
    const hasHeader = bytes[3] === MARKER.app0;
    const at = hasHeader ? 4 + bytes.readUInt16BE(4) : 2;
    const content = Buffer.concat([IDENTIFIER, xmpOf(recipe)]);
    const frame = Buffer.from([0xff, MARKER.app1, 0, 0]);
    frame.writeUInt16BE(content.length + 2, 2);
    return Buffer.concat([bytes.subarray(0, at), frame, content, bytes.subarray(at)]);
  },
  read(file) {
    const bytes = Buffer.from(file.buffer, file.byteOffset, file.length);
    for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff; ) {
      const marker = bytes[at + 1];
      const length = bytes.readUInt16BE(at + 2);
      const content = bytes.subarray(at + 4, at + 2 + length);
      if (marker === MARKER.scan || length < 2 || content.length < length - 2) return undefined;
      if (marker === MARKER.app1 && IDENTIFIER.equals(content.subarray(0, IDENTIFIER.length))) {
        return recipeOfXmp(content);
      }
      at += 2 + length;
    }
    return undefined;
  },
  recipeBytesMax: CONTENT_BYTES_MAX - IDENTIFIER.length - xmpOf('').length,
};
