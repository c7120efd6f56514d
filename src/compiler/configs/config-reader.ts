/**
 * Reads the keys of a config.json one by one and remembers everything that is wrong, so that a checkpoint is refused once, with all
 * its reasons. A key that is missing or null takes the default of the Python library that wrote the file. After a problem the
 * reading goes on with the default, so a value is good only if there are no `problems`.
 */

import type { Problem } from '../../core/problem.ts';

export interface ConfigReader {
  /** A whole number of at least 1. */
  count(key: string, missing: number): number;
  /** A list of such numbers, at least one of them. */
  counts(key: string, missing: readonly number[]): readonly [number, ...number[]];
  number(key: string, missing: number): number;
  flag(key: string, missing: boolean): boolean;
  choice<const Choice extends string, Missing>(
    key: string,
    allowed: readonly Choice[],
    missing: Missing,
  ): Choice | Missing;
  choices<Choice extends string>(
    key: string,
    allowed: readonly Choice[],
    missing: readonly Choice[],
  ): readonly Choice[];
  /** Keys that may hold one value and no other, because no other is implemented. A missing key has that value. */
  only(values: Readonly<Record<string, unknown>>): void;
  /** Keys that change nothing here: training, encoding of pictures, file handling. */
  ignore(...keys: readonly string[]): void;
  /** A condition that several keys must meet together. */
  check(condition: boolean, message: string): void;
  /** Refuses keys that nobody asked for and that are set: a feature that this version has never heard of. */
  refuseUnknown(): void;
  /** The value of a key, for reading what the methods above cannot. */
  raw(key: string): unknown;
  refuse(key: string, allowed: string): void;
  readonly problems: readonly Problem[];
}

/** A parsed config, with what is wrong with it. */
export interface Parsed<T> {
  readonly value: T;
  readonly problems: readonly Problem[];
}

/** `subject` names the file in messages. */
export function readConfig(json: Readonly<Record<string, unknown>>, subject: string): ConfigReader {
  const problems: Problem[] = [];
  const asked = new Set<string>();

  const report = (message: string): void => {
    problems.push({ code: 'unsupported_checkpoint', subject, message: `${subject}: ${message}` });
  };

  function read<T, Missing>(
    key: string,
    options: { missing: Missing; isValid: (value: unknown) => value is T; allowed: string },
  ): T | Missing {
    const value = reader.raw(key);
    if (value === undefined || value === null) return options.missing;
    if (options.isValid(value)) return value;
    reader.refuse(key, options.allowed);
    return options.missing;
  }

  const reader: ConfigReader = {
    problems,
    count: (key, missing) => read(key, { missing, isValid: isCount, allowed: 'a whole number from 1' }),
    number: (key, missing) => read(key, { missing, isValid: isNumber, allowed: 'a number' }),
    flag: (key, missing) => read(key, { missing, isValid: isBoolean, allowed: 'true or false' }),

    counts(key, missing) {
      const list = read(key, { missing, isValid: isListOf(isCount), allowed: 'a list of whole numbers from 1' });
      const [first = 1, ...rest] = list;
      return [first, ...rest];
    },

    choice(key, allowed, missing) {
      return read(key, { missing, isValid: isOneOf(allowed), allowed: allowed.map(show).join(' or ') });
    },

    choices(key, allowed, missing) {
      const isValid = isListOf(isOneOf(allowed));
      return read(key, { missing, isValid, allowed: `a list of ${allowed.map(show).join(' or ')}` });
    },

    only(values) {
      for (const [key, allowed] of Object.entries(values)) {
        const value = reader.raw(key);
        if (value !== undefined && show(value) !== show(allowed)) reader.refuse(key, show(allowed));
      }
    },

    ignore(...keys) {
      for (const key of keys) asked.add(key);
    },

    check(condition, message) {
      if (!condition) report(message);
    },

    refuseUnknown() {
      for (const [key, value] of Object.entries(json)) {
        const isSet = value !== null && value !== false;
        if (!asked.has(key) && !key.startsWith('_') && isSet)
          report(`${key} is ${show(value)}; this key is not supported`);
      }
    },

    raw(key) {
      asked.add(key);
      return json[key];
    },

    refuse(key, allowed) {
      report(`${key} is ${show(json[key])}; must be ${allowed}`);
    },
  };
  return reader;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function isCount(value: unknown): value is number {
  return isNumber(value) && Number.isSafeInteger(value) && value >= 1;
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === 'boolean';
}

function isOneOf<Choice extends string>(allowed: readonly Choice[]): (value: unknown) => value is Choice {
  return (value): value is Choice => allowed.some((choice) => choice === value);
}

function isListOf<T>(isItem: (value: unknown) => value is T): (value: unknown) => value is readonly T[] {
  return (value): value is readonly T[] => Array.isArray(value) && value.length > 0 && value.every(isItem);
}

/** A value of the file, cut so that a message stays readable. */
function show(value: unknown): string {
  return (JSON.stringify(value) ?? 'missing').slice(0, 200);
}
