import { appendFile, mkdir, readFile, truncate } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { InputError } from '../core/problem.ts';
import { unlessMissing } from '../files/unless-missing.ts';

/**
 * What has been done, in a file that only grows: a JSON record a line, each with a key. A run that is cut off in the middle of a line
 * leaves half a record, which the next one drops and does again; nothing else is ever lost or changed.
 */
export interface Journal<RecordOf> {
  find(key: string): RecordOf | undefined;
  /** Written when it resolves. A key is added once. */
  add(key: string, record: RecordOf): Promise<void>;
  /** All records, in the order in which they were added. */
  all(): readonly RecordOf[];
}

/** Throws an InputError (`malformed_file`) for a file that is damaged before its last line. */
export async function openJournal<RecordOf extends object>(path: string): Promise<Journal<RecordOf>> {
  await mkdir(dirname(path), { recursive: true });
  const known = new Map<string, RecordOf>();
  const bytes = await readIfThere(path);
  const whole = bytes.subarray(0, bytes.lastIndexOf('\n') + 1);
  if (whole.length < bytes.length) await truncate(path, whole.length);
  for (const [index, line] of whole.toString().split('\n').slice(0, -1).entries()) {
    const { key, ...record } = parseLine(line, `${basename(path)}, line ${index + 1}`);
    known.set(String(key), record as RecordOf);
  }
  return {
    find: (key) => known.get(key),
    all: () => [...known.values()],
    async add(key, record) {
      await appendFile(path, `${JSON.stringify({ key, ...record })}\n`);
      known.set(key, record);
    },
  };
}

async function readIfThere(path: string): Promise<Buffer> {
  return (await unlessMissing(readFile(path))) ?? Buffer.alloc(0);
}

function parseLine(line: string, subject: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(line);
  } catch (cause) {
    const message = `${subject} is no record; remove the line, and it is done again`;
    throw new InputError([{ code: 'malformed_file', subject, message }], { cause });
  }
}
