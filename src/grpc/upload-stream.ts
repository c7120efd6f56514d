import type { ServerReadableStream } from '@grpc/grpc-js';
import { ServiceError } from '../contract/errors.ts';
import type { Received } from './strict-message.ts';

/** A stream of UploadChunk: what it says first, and the bytes behind that, as they come. */

interface UploadChunk {
  readonly start?: Readonly<Record<string, unknown>>;
  readonly data?: Buffer;
}

export async function openUpload(
  call: ServerReadableStream<Received<UploadChunk>, object>,
): Promise<{ readonly start: Readonly<Record<string, unknown>>; readonly content: AsyncIterable<Uint8Array> }> {
  const messages = call[Symbol.asyncIterator]();
  const first = await messages.next();
  const { start } = first.done ? {} : first.value();
  if (start === undefined)
    throw new ServiceError('invalid_request', 'the first message of an upload must be its start');
  return { start, content: bytesOf(messages) };
}

async function* bytesOf(messages: AsyncIterator<Received<UploadChunk>>): AsyncGenerator<Uint8Array, void, void> {
  for (let next = await messages.next(); !next.done; next = await messages.next()) {
    const { data } = next.value();
    if (data === undefined) throw new ServiceError('invalid_request', 'after its start an upload holds data alone');
    yield data;
  }
}
