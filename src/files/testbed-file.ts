import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { parseTestbed, type Testbed } from '../contract/testbed.ts';
import { InputError } from '../core/problem.ts';

/** A testbed's file, and the files beside it that hold weights which methods have found. Paths in it are relative to its folder. */

export interface TestbedFile {
  readonly testbed: Testbed;
  readonly sha256: string;
  /** A path of the testbed, absolute. */
  readonly at: (path: string) => string;
}

type Weight = { readonly id: string; readonly weight: number };

/** Throws an InputError with everything that is wrong. */
export async function readTestbed(path: string): Promise<TestbedFile> {
  const text = await readText(path);
  return {
    testbed: parseTestbed(parseJson(text, path), basename(path)),
    sha256: createHash('sha256').update(text).digest('hex'),
    at: (relative) => resolve(dirname(path), relative),
  };
}

/** By the set's id. The file is an object of them, each a list of ids and weights: what `overtone tune` finds. */
export async function readFoundWeights(path: string): Promise<ReadonlyMap<string, readonly Weight[]>> {
  const value = parseJson(await readText(path), path);
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  const wrong = entries.filter(([, weights]) => !isWeights(weights)).map(([set]) => set);
  if (entries.length === 0 || wrong.length > 0) {
    const place = wrong.length > 0 ? `${wrong.join(', ')} must be` : 'must be an object of sets, each';
    throw malformed(basename(path), `${place} a list of { "id", "weight" }`);
  }
  return new Map(entries as readonly (readonly [string, readonly Weight[]])[]);
}

function isWeights(value: unknown): value is readonly Weight[] {
  const isOne = (each: unknown): boolean =>
    typeof each === 'object' &&
    each !== null &&
    'id' in each &&
    typeof each.id === 'string' &&
    'weight' in each &&
    typeof each.weight === 'number';
  return Array.isArray(value) && value.length > 0 && value.every(isOne);
}

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: unknown) => {
    const message = `${path} must be a file that can be read`;
    throw new InputError([{ code: 'invalid_request', subject: path, message }], { cause });
  });
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw malformed(basename(path), `is not JSON: ${cause instanceof Error ? cause.message : cause}`, cause);
  }
}

function malformed(subject: string, fault: string, cause?: unknown): InputError {
  return new InputError([{ code: 'malformed_file', subject, message: `${subject} ${fault}` }], { cause });
}
