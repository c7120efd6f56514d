/**
 * Safetensors files on disk: the checked header, tensors by their entry, or all of it at once. Never reads more than it was asked
 * for, and
 * believes no length before `core/safetensors` has checked it.
 */

import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { InputError } from '../core/problem.ts';
import { decodeFloats, FLOAT_DTYPES, isFloatDtype } from '../core/safetensors/decode-floats.ts';
import {
  LENGTH_BYTES,
  parseSafetensorsHeader,
  type SafetensorsEntry,
  type SafetensorsHeader,
  safetensorsHeaderBytes,
} from '../core/safetensors/header.ts';

/** Reads and checks the header. `subject` names the file in messages, its base name if not given. Throws an InputError (`malformed_file`). */
export function readSafetensorsHeader(path: string, subject = basename(path)): Promise<SafetensorsHeader> {
  return withFile(path, async (file) => (await readHeader(file, subject)).header);
}

/** Single tensors as float32, in the order of `entries`, by one handle. Throws an InputError where one is not F32, F16 or BF16. */
export function readTensors(path: string, entries: readonly SafetensorsEntry[]): Promise<readonly Float32Array[]> {
  return withFile(path, async (file) => {
    const tensors: Float32Array[] = [];
    for (const entry of entries) {
      tensors.push(decode(await readSpan(file, entry.start, entry.end), entry, basename(path)));
    }
    return tensors;
  });
}

/** A file that has been read whole. */
export interface WholeSafetensors extends SafetensorsHeader {
  readonly bytes: Uint8Array;
  /** As `readTensors`. */
  tensor(entry: SafetensorsEntry): Float32Array;
}

/**
 * For a file of which every tensor is wanted: hundreds of reads of a few kilobytes take longer than one of all of it, and a hash of
 * the bytes is then that of the tensors. The header is checked before room is made for the rest.
 */
export function readSafetensors(path: string): Promise<WholeSafetensors> {
  const subject = basename(path);
  return withFile(path, async (file) => {
    const { header, size } = await readHeader(file, subject);
    const bytes = await readSpan(file, 0, size);
    const tensor = (entry: SafetensorsEntry) => decode(bytes.subarray(entry.start, entry.end), entry, subject);
    return { ...header, bytes, tensor };
  });
}

/** A multiple of every element's size. */
const PIECE_BYTES = 4 * 1024 * 1024;

/** Spans of a file one after another, a long one in pieces: for a file of which all is looked at and nothing is kept. */
export async function* readPieces<Span extends { readonly start: number; readonly end: number }>(
  path: string,
  spans: readonly Span[],
): AsyncGenerator<{ readonly span: Span; readonly bytes: Uint8Array; readonly isFirst: boolean }, void, void> {
  const file = await open(path);
  try {
    for (const span of spans) {
      for (let at = span.start; at < span.end; at += PIECE_BYTES) {
        const bytes = await readSpan(file, at, Math.min(span.end, at + PIECE_BYTES));
        yield { span, bytes, isFirst: at === span.start };
      }
    }
  } finally {
    await file.close();
  }
}

async function withFile<T>(path: string, read: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path);
  try {
    return await read(file);
  } finally {
    await file.close();
  }
}

async function readHeader(
  file: FileHandle,
  subject: string,
): Promise<{ readonly header: SafetensorsHeader; readonly size: number }> {
  const { size } = await file.stat();
  const length = await readSpan(file, 0, Math.min(LENGTH_BYTES, size));
  const bytes = await readSpan(file, 0, safetensorsHeaderBytes(length, size, subject));
  return { header: parseSafetensorsHeader(bytes, size, subject), size };
}

function decode(bytes: Uint8Array, { name, dtype }: SafetensorsEntry, subject: string): Float32Array {
  if (isFloatDtype(dtype)) return decodeFloats(bytes, dtype);
  const message = `${subject}: tensor ${name} has dtype ${dtype}; must be one of ${FLOAT_DTYPES.join(', ')}`;
  throw new InputError([{ code: 'malformed_file', subject, message }]);
}

async function readSpan(file: FileHandle, start: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start);
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, start + done);
    if (bytesRead === 0) throw new Error(`file ended at byte ${start + done}, ${end} were promised`);
    done += bytesRead;
  }
  return bytes;
}
