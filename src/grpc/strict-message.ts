import { isUtf8 } from 'node:buffer';
import type { MessageTypeDefinition } from '@grpc/proto-loader';
import { ServiceError } from '../contract/errors.ts';

/**
 * Reads a message and refuses what it would otherwise lose: protobuf skips fields that it does not know, and its reader mends text
 * that is no UTF-8, but a request is done as it was written or not at all. Reading waits until the handler asks, so that a bad message
 * gets the status of a bad request.
 * Wire format: https://protobuf.dev/programming-guides/encoding/
 */

/** A message that has arrived and has not been read. Throws `body_too_large`, and `invalid_request` where it is damaged, or holds unknown fields or broken text. */
export type Received<Message> = () => Message;

type Types = (name: string) => MessageTypeDefinition<object, object> | undefined;

const PACKAGE = 'overtone.v1';

export function strictly(
  bytes: Buffer,
  type: MessageTypeDefinition<object, object>,
  { types, maxBytes }: { readonly types: Types; readonly maxBytes: number },
): Received<unknown> {
  return () => {
    if (bytes.length > maxBytes) {
      throw new ServiceError('body_too_large', `request is ${bytes.length} bytes; must be at most ${maxBytes}`);
    }
    const message = readable(bytes, () => type.deserialize(bytes));
    const unknown = readable(bytes, () => unknownFields(bytes, fieldsOf(type), types, ''));
    if (unknown.length > 0) throw new ServiceError('invalid_request', unknown.join('; '));
    return message;
  };
}

function readable<T>(bytes: Buffer, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const message = `request is ${bytes.length} bytes that cannot be read; must be a message of ${PACKAGE}`;
    throw new ServiceError('invalid_request', message, { cause });
  }
}

/** What a descriptor says of a field, as far as it matters here. */
interface Field {
  readonly name: string;
  readonly number: number;
  readonly type: string;
  readonly typeName: string;
}

function fieldsOf(type: MessageTypeDefinition<object, object>): readonly Field[] {
  return (type.type as { readonly field: readonly Field[] }).field;
}

/** One sentence for each. Throws where the bytes end in the middle of a field, which protobuf's own reader can let pass. */
function unknownFields(bytes: Buffer, fields: readonly Field[], types: Types, path: string): readonly string[] {
  return wireFields(bytes).flatMap(({ number, content }): readonly string[] => {
    const field = fields.find((candidate) => candidate.number === number);
    if (field === undefined) {
      const allowed = fields.map(({ name }) => name).join(', ');
      return [`${path}field ${number} is not a field of a request of this version; allowed here are ${allowed}`];
    }
    if (field.type === 'TYPE_STRING' && content !== undefined && !isUtf8(content)) {
      return [`${path}${field.name} is not UTF-8; must be well-formed Unicode`];
    }
    // Only messages of ours are entered: a Struct holds names of the caller's own.
    const type = field.type === 'TYPE_MESSAGE' ? types(`${PACKAGE}.${field.typeName}`) : undefined;
    if (type === undefined || content === undefined) return [];
    return unknownFields(content, fieldsOf(type), types, `${path}${field.name}.`);
  });
}

interface WireField {
  readonly number: number;
  /** Of a length-delimited field. */
  readonly content?: Buffer;
}

function wireFields(bytes: Buffer): readonly WireField[] {
  const found: WireField[] = [];
  let position = 0;
  const varint = (): number => {
    let value = 0;
    // Keys and lengths fit 32 bits; of a longer varint only the end matters here.
    for (let shift = 0; ; shift += 7) {
      const byte = bytes.readUInt8(position++);
      if (shift < 35) value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (position < bytes.length) {
    const key = varint();
    const number = Math.floor(key / 8);
    const wireType = key % 8;
    if (wireType === 2) {
      const length = varint();
      found.push({ number, content: bytes.subarray(position, position + length) });
      position += length;
      continue;
    }
    found.push({ number });
    if (wireType === 0) varint();
    else if (wireType === 1) position += 8;
    else if (wireType === 5) position += 4;
    // Groups (3, 4) are gone from proto3; whatever follows the marker is reported field by field.
  }
  return found;
}
