import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parsePythonJson } from '../compiler/configs/python-json.ts';
import { InputError } from '../core/problem.ts';

/** A JSON file of a checkpoint's folder. What must be in it is for others to say. */

export type JsonObject = Readonly<Record<string, unknown>>;

/** Throws an InputError (`malformed_file`) for what is not JSON, or no object. */
export async function readJsonObject(folder: string, name: string): Promise<JsonObject> {
  const text = await readFile(join(folder, name), 'utf8');
  let value: unknown;
  try {
    value = parsePythonJson(text);
  } catch (cause) {
    throw malformed(name, `is not JSON (${cause instanceof Error ? cause.message : cause})`, cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed(name, 'is not a JSON object');
  }
  return { ...value };
}

function malformed(subject: string, fault: string, cause?: unknown): InputError {
  return new InputError([{ code: 'malformed_file', subject, message: `${subject}: ${fault}` }], { cause });
}
