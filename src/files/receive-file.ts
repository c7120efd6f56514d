import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ServiceError } from '../contract/errors.ts';

/**
 * Bytes from outside, to a file of our own naming. Never more of them in memory than a piece; never more on disk than allowed. Nothing
 * of what failed is left.
 */
export interface ReceivedFile {
  readonly path: string;
  /** In hex, of what arrived. */
  readonly sha256: string;
  readonly bytes: number;
  /** Removes it. */
  discard(): Promise<void>;
}

/**
 * Throws `body_too_large`, `upload_cut_off` where the source fails, `storage_unavailable` where the disk does, and the ServiceError with
 * which `signal` is aborted, at once.
 */
export async function receiveFile(
  source: AsyncIterable<Uint8Array>,
  options: { readonly directory: string; readonly maxBytes: number; readonly signal?: AbortSignal },
): Promise<ReceivedFile> {
  const { directory, maxBytes, signal } = options;
  await mkdir(directory, { recursive: true });
  const path = join(directory, randomUUID());
  const discard = () => rm(path, { force: true });
  const hash = createHash('sha256');
  let bytes = 0;
  async function* measured() {
    for await (const piece of orCutOff(signal === undefined ? source : untilAborted(source, signal))) {
      bytes += piece.length;
      if (bytes > maxBytes) throw new ServiceError('body_too_large', `a file may have ${maxBytes} bytes at most`);
      hash.update(piece);
      yield piece;
    }
  }
  try {
    // Opened first: a stream that opens it itself may do so after a source that fails at once has led to its removal.
    const file = await open(path, 'wx');
    await pipeline(measured(), file.createWriteStream());
  } catch (cause) {
    await discard();
    if (cause instanceof ServiceError) throw cause;
    throw new ServiceError('storage_unavailable', 'the gateway cannot keep what it receives', { cause });
  }
  return { path, sha256: hash.digest('hex'), bytes, discard };
}

/** Far longer than a file takes to be received and installed. */
const ABANDONED_MS = 24 * 3600 * 1000;

/** Removes what a process received that died before it discarded it. */
export async function discardAbandoned(directory: string): Promise<void> {
  for (const name of await readdir(directory).catch(() => [])) {
    const path = join(directory, name);
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && Date.now() - found.mtimeMs > ABANDONED_MS) await rm(path, { force: true });
  }
}

async function* orCutOff(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* source;
  } catch (cause) {
    if (cause instanceof ServiceError) throw cause;
    throw new ServiceError('upload_cut_off', 'the file ended before it was complete', { cause });
  }
}

/** A source that is left while nothing comes from it cannot be closed: whoever waits for it would wait for what may never come. */
async function* untilAborted(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const pieces = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await orAborted(pieces.next(), signal);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    if (!signal.aborted) await pieces.return?.();
  }
}

function orAborted<T>(waiting: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
    waiting.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
