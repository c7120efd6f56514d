/**
 * The protobuf wire format, the few parts that an ONNX model needs. A field is its bytes; a message is the concatenation of its
 * fields. Knows no ONNX.
 *
 * Format: https://protobuf.dev/programming-guides/encoding
 */

const WIRE_VARINT = 0;
const WIRE_LENGTH_DELIMITED = 2;
const WIRE_FIXED32 = 5;

const encoder = new TextEncoder();

/** An int32, int64 or enum. Negative values take ten bytes, as two's complement of 64 bits. */
export function integerField(field: number, value: number | bigint): Uint8Array {
  return concatBytes([tag(field, WIRE_VARINT), varint(value)]);
}

export function floatField(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return concatBytes([tag(field, WIRE_FIXED32), bytes]);
}

export function stringField(field: number, value: string): Uint8Array {
  return bytesField(field, encoder.encode(value));
}

export function bytesField(field: number, value: Uint8Array): Uint8Array {
  return concatBytes([tag(field, WIRE_LENGTH_DELIMITED), varint(value.length), value]);
}

/** A nested message, from its own fields. */
export function messageField(field: number, fields: readonly Uint8Array[]): Uint8Array {
  return bytesField(field, concatBytes(fields));
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

function tag(field: number, wireType: number): Uint8Array {
  return varint((field << 3) | wireType);
}

/** Seven bits a byte, lowest first; the high bit says that more follow. */
function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
