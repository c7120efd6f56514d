/**
 * Reads the header of a safetensors file: 8 bytes of little-endian length, then JSON that names each tensor's type, shape and span.
 * The bytes may come from anyone, so nothing is believed: every span lies inside the file, has exactly its shape's size, and the
 * spans tile the data with no overlap and no hole. Reading the tensors themselves is not done here.
 *
 * Format: https://huggingface.co/docs/safetensors
 */

import { isObject } from '../is-object.ts';
import { InputError, type Problem } from '../problem.ts';

/** A header claims its own length; this is how much we would ever allocate for it. SD 1.5's U-Net has 70 KiB. */
export const HEADER_BYTES_MAX = 8 * 1024 * 1024;
export const TENSORS_MAX = 20_000;

/** Bytes before the JSON: its length. */
export const LENGTH_BYTES = 8;

/** A damaged file can have one fault for each tensor; this many are enough to see what happened. */
const PROBLEMS_SHOWN = 8;

const METADATA_KEY = '__metadata__';

/** Bytes of an element, of every type that the format defines. */
const ELEMENT_BYTES: ReadonlyMap<string, number> = new Map([
  ['BOOL', 1],
  ['U8', 1],
  ['I8', 1],
  ['F8_E4M3', 1],
  ['F8_E5M2', 1],
  ['I16', 2],
  ['U16', 2],
  ['F16', 2],
  ['BF16', 2],
  ['I32', 4],
  ['U32', 4],
  ['F32', 4],
  ['I64', 8],
  ['U64', 8],
  ['F64', 8],
]);

export interface SafetensorsEntry {
  readonly name: string;
  /** As the file spells it: F32, F16, BF16, I64, ... */
  readonly dtype: string;
  readonly dims: readonly number[];
  /** Absolute byte offsets in the file, `end` exclusive. */
  readonly start: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * How many bytes the header takes, the leading 8 included, so that a reader knows how much to read and never allocates what a
 * file merely claims. `bytes` needs to hold the first 8 bytes only. Throws an InputError (`malformed_file`).
 */
export function safetensorsHeaderBytes(bytes: Uint8Array, fileLength: number, subject: string): number {
  if (bytes.length < LENGTH_BYTES) {
    throw malformed(subject, `has ${bytes.length} bytes; a safetensors file starts with 8 bytes of header length`);
  }
  const claimed = new DataView(bytes.buffer, bytes.byteOffset, LENGTH_BYTES).getBigUint64(0, true);
  if (claimed > BigInt(HEADER_BYTES_MAX)) {
    throw malformed(subject, `claims a header of ${claimed} bytes; must be at most ${HEADER_BYTES_MAX}`);
  }
  const total = LENGTH_BYTES + Number(claimed);
  if (total > fileLength) {
    throw malformed(subject, `is truncated: its header ends at byte ${total}, the file at byte ${fileLength}`);
  }
  return total;
}

/**
 * Parses and checks a header. `bytes` starts where the file starts and holds at least the whole header; `fileLength` is the length
 * of the whole file. `subject` names the file in messages. Throws an InputError (`malformed_file`).
 */
export function parseSafetensorsHeader(bytes: Uint8Array, fileLength: number, subject: string): SafetensorsHeader {
  const dataStart = safetensorsHeaderBytes(bytes, fileLength, subject);
  if (bytes.length < dataStart) {
    throw malformed(subject, `is truncated: its header ends at byte ${dataStart}, the file at byte ${bytes.length}`);
  }
  const { [METADATA_KEY]: metadata = {}, ...tensors } = parseJsonObject(
    bytes.subarray(LENGTH_BYTES, dataStart),
    subject,
  );
  const rows = Object.entries(tensors);
  if (rows.length > TENSORS_MAX) {
    throw malformed(subject, `holds ${rows.length} tensors; must be at most ${TENSORS_MAX}`);
  }
  const parsed = rows.map(([name, value]) => parseEntry({ name, value, dataStart, fileLength }));
  const faults = parsed.filter((entry) => typeof entry === 'string');
  const entries = parsed.filter((entry) => typeof entry !== 'string');
  if (!isStringMap(metadata)) faults.push(`${METADATA_KEY} must map strings to strings`);
  // Where an entry is faulty already, holes and overlaps are its consequence.
  if (faults.length === 0) faults.push(...tilingFaults(entries, dataStart, fileLength));
  if (faults.length > 0 || !isStringMap(metadata)) throw malformed(subject, ...faults);
  return { entries: new Map(entries.map((entry) => [entry.name, entry])), metadata };
}

function parseJsonObject(bytes: Uint8Array, subject: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw malformed(subject, `has a header that is not JSON (${cause instanceof Error ? cause.message : cause})`);
  }
  if (!isObject(parsed)) throw malformed(subject, 'has a header that is not a JSON object');
  return parsed;
}

/** A checked entry, or what is wrong with it. */
function parseEntry(row: {
  readonly name: string;
  readonly value: unknown;
  readonly dataStart: number;
  readonly fileLength: number;
}): SafetensorsEntry | string {
  const { name, value, dataStart, fileLength } = row;
  const tensor = `tensor ${JSON.stringify(name)}`;
  if (!isObject(value)) return `${tensor} must be an object`;
  const { dtype, shape, data_offsets: offsets } = value;
  const elementBytes = typeof dtype === 'string' ? ELEMENT_BYTES.get(dtype) : undefined;
  if (typeof dtype !== 'string' || elementBytes === undefined) {
    return `${tensor} has dtype ${show(dtype)}; must be one of ${[...ELEMENT_BYTES.keys()].join(', ')}`;
  }
  if (!isCountList(shape)) return `${tensor} has shape ${show(shape)}; must be a list of whole numbers from 0`;
  if (!isCountList(offsets) || offsets.length !== 2) {
    return `${tensor} has data_offsets ${show(offsets)}; must be two whole numbers from 0`;
  }
  const [begin = 0, end = 0] = offsets;
  const dataBytes = fileLength - dataStart;
  if (end > dataBytes || begin > end) {
    return `${tensor} lies at bytes ${begin} to ${end} of ${dataBytes} bytes of data; the file is truncated or damaged`;
  }
  const bytes = shape.reduce((product, dim) => product * dim, elementBytes);
  if (bytes !== end - begin) {
    return `${tensor} takes ${bytes} bytes by its shape [${shape.join(', ')}] of ${dtype}, but spans ${end - begin}`;
  }
  return { name, dtype, dims: shape, start: dataStart + begin, end: dataStart + end };
}

/** Spans must tile the data. A name that comes twice in the JSON also ends here: the lost one leaves a hole. */
function tilingFaults(entries: readonly SafetensorsEntry[], dataStart: number, fileLength: number): string[] {
  const faults: string[] = [];
  let covered = dataStart;
  for (const entry of [...entries].sort((a, b) => a.start - b.start || a.end - b.end)) {
    const tensor = `tensor ${JSON.stringify(entry.name)}`;
    if (entry.start < covered) faults.push(`${tensor} overlaps the tensor before it`);
    if (entry.start > covered) faults.push(`${tensor} follows ${entry.start - covered} bytes that no tensor names`);
    covered = Math.max(covered, entry.end);
  }
  if (covered < fileLength) faults.push(`${fileLength - covered} bytes at its end belong to no tensor`);
  return faults;
}

function malformed(subject: string, ...faults: readonly string[]): InputError {
  const shown = faults.slice(0, PROBLEMS_SHOWN);
  if (faults.length > shown.length) shown.push(`has ${faults.length - shown.length} more faults of this kind`);
  return new InputError(
    shown.map((fault): Problem => ({ code: 'malformed_file', subject, message: `${subject}: ${fault}` })),
  );
}

function isStringMap(value: unknown): value is Record<string, string> {
  return isObject(value) && Object.values(value).every((entry) => typeof entry === 'string');
}

function isCountList(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((entry) => Number.isSafeInteger(entry) && entry >= 0);
}

/** A value from the file, cut so that a message stays readable. */
function show(value: unknown): string {
  return (JSON.stringify(value) ?? 'none').slice(0, 80);
}
