/**
 * Safetensors files on disk: the checked header, and single tensors by their entry. Never reads more than it was asked for, and
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
export async function readSafetensorsHeader(path: string, subject = basename(path)): Promise<SafetensorsHeader> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const length = await readSpan(file, 0, Math.min(LENGTH_BYTES, size));
    const header = await readSpan(file, 0, safetensorsHeaderBytes(length, size, subject));
    return parseSafetensorsHeader(header, size, subject);
  } finally {
    await file.close();
  }
}

/** One tensor as float32, in the file's order. Throws an InputError where its type is not F32, F16 or BF16. */
export async function readTensor(path: string, entry: SafetensorsEntry): Promise<Float32Array> {
  if (!isFloatDtype(entry.dtype)) {
    const message = `${basename(path)}: tensor ${entry.name} has dtype ${entry.dtype}; must be one of ${FLOAT_DTYPES.join(', ')}`;
    throw new InputError([{ code: 'malformed_file', subject: basename(path), message }]);
  }
  const file = await open(path);
  try {
    return decodeFloats(await readSpan(file, entry.start, entry.end), entry.dtype);
  } finally {
    await file.close();
  }
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
