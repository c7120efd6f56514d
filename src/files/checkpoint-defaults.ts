import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LIMITS } from '../contract/limits.ts';
import { InputError, type Problem } from '../core/problem.ts';
import { SAMPLER_NAMES, type SamplerName } from '../core/samplers/names.ts';
import { unlessMissing } from './unless-missing.ts';

/**
 * What a checkpoint's folder says of how it likes to be used: an optional `overtone.json` with steps, guidance_scale, sampler, width
 * and height. It fills in what a request leaves out, and bounds nothing.
 */

export interface CheckpointDefaults {
  readonly steps?: number;
  readonly guidance_scale?: number;
  readonly sampler?: SamplerName;
  readonly width?: number;
  readonly height?: number;
}

const FILE = 'overtone.json';

/** Throws an InputError (`unsupported_checkpoint`) that names every field that cannot be used. */
export async function readCheckpointDefaults(directory: string): Promise<CheckpointDefaults> {
  const text = await unlessMissing(readFile(join(directory, FILE), 'utf8'));
  if (text === undefined) return {};
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new InputError([problem(`${FILE} is not JSON`)], { cause });
  }
  return parseDefaults(json);
}

const isInteger = (from: number, to: number) => (value: unknown) =>
  Number.isInteger(value) && Number(value) >= from && Number(value) <= to;
const isSide = (value: unknown): boolean =>
  isInteger(LIMITS.sideMin, LIMITS.sideMax)(value) && Number(value) % LIMITS.sideMultiple === 0;
const side = {
  isValid: isSide,
  allowed: `a multiple of ${LIMITS.sideMultiple} from ${LIMITS.sideMin} to ${LIMITS.sideMax}`,
};

const FIELDS: Readonly<Record<string, { isValid(value: unknown): boolean; readonly allowed: string }>> = {
  steps: {
    isValid: isInteger(LIMITS.stepsMin, LIMITS.stepsMax),
    allowed: `an integer from ${LIMITS.stepsMin} to ${LIMITS.stepsMax}`,
  },
  guidance_scale: {
    isValid: (value) => typeof value === 'number' && value >= 0 && value <= LIMITS.guidanceScaleMax,
    allowed: `a number from 0 to ${LIMITS.guidanceScaleMax}`,
  },
  sampler: {
    isValid: (value) => SAMPLER_NAMES.some((name) => name === value),
    allowed: SAMPLER_NAMES.join(' or '),
  },
  width: side,
  height: side,
};

function parseDefaults(json: unknown): CheckpointDefaults {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new InputError([problem(`${FILE} is not a JSON object`)]);
  }
  const problems = Object.entries(json).flatMap(([name, value]) => {
    const field = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
    if (field === undefined) return [problem(`${FILE} has ${name}; allowed are ${Object.keys(FIELDS).join(', ')}`)];
    if (field.isValid(value)) return [];
    return [problem(`${FILE}: ${name} is ${JSON.stringify(value)}; must be ${field.allowed}`)];
  });
  if (problems.length > 0) throw new InputError(problems);
  return json;
}

function problem(message: string): Problem {
  return { code: 'unsupported_checkpoint', subject: FILE, message };
}
