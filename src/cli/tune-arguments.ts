import { LIMITS } from '../contract/limits.ts';
import { PARTS } from '../contract/testbed.ts';
import { InputError, type Problem } from '../core/problem.ts';
import type { Selection } from '../evaluation/plan-evaluation.ts';
import { problem, readFlags } from './flags.ts';

/** The command line of `overtone tune`. Nothing is opened here; names are checked later, against the testbed. */

export interface TuneArguments {
  readonly method: 'lorahub' | 'merge';
  /** What to tune on: the sets of a testbed, or one request. */
  readonly on:
    | { readonly testbed: string; readonly selection: Selection }
    | { readonly request: string; readonly judge: string; readonly caption: string | undefined };
  /** In place of the testbed's own; for a request, else the environment's. */
  readonly checkpoint: string | undefined;
  readonly loras: string | undefined;
  readonly pictures: number;
  /** Of `lorahub`, for each set. */
  readonly tries: number;
  readonly seed: number;
  readonly steps: number | undefined;
  readonly out: string | undefined;
  readonly json: boolean;
}

export type TuneCommand = { readonly name: 'help' } | { readonly name: 'tune'; readonly arguments: TuneArguments };

export const TUNE_USAGE = `usage: overtone tune lorahub|merge TESTBED.json [options]
       overtone tune lorahub|merge --request FILE.json --judge DIR [options]

Draws pictures at other and other weights, lets a CLIP score them, and keeps the best weights:
lorahub one for each LoRA of a set, merge one for all LoRAs of all sets.

  --request FILE     one request, as the HTTP door takes it, in place of a testbed's sets
  --judge DIR        the CLIP, as transformers saves it (default: the testbed's)
  --caption TEXT     what a picture of the request should show (default: its prompt)
  --part NAME        tuning (default), held_out or all sets of the testbed
  --sizes 2,3        sets of so many LoRAs (default: all)
  --sets N           at most N sets of each size (default: all)
  --pictures N       pictures of each set at each try (default: 2)
  --tries N          tries for each set (default: 40; merge tries 0.4, 0.5, ... 1)
  --seed N           of the search and of the pictures' noise (default: 2000000000)
  --steps N          denoising steps, e.g. fewer than the testbed's
  --model DIR        checkpoint (default: the testbed's, else OVERTONE_MODEL)
  --loras DIR        folder of LoRA files (default: the testbed's, else OVERTONE_LORAS)
  --out FILE.json    lorahub: keep weights there, and search no set again that is there already
  --json             print one JSON line instead of the table
  --help             this text
`;

const OPTIONS = {
  request: { type: 'string' },
  judge: { type: 'string' },
  caption: { type: 'string' },
  part: { type: 'string' },
  sizes: { type: 'string' },
  sets: { type: 'string' },
  pictures: { type: 'string' },
  tries: { type: 'string' },
  seed: { type: 'string' },
  steps: { type: 'string' },
  model: { type: 'string' },
  loras: { type: 'string' },
  out: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

const METHODS = ['lorahub', 'merge'] as const;
const PICTURES = 2;
/** LoraHub's usual number of steps (cmlora.md, D). */
const TRIES = 40;
const TRIES_MAX = 10_000;
/** Far from the noises that evaluations start from. */
const SEED = 2_000_000_000;

/** `argv` is what follows the word `tune`; `defaults` are what the environment says. Throws an InputError with every problem. */
export function parseTuneCommand(
  argv: readonly string[],
  defaults: { readonly checkpoint: string | undefined; readonly loras: string | undefined },
): TuneCommand {
  const { values, positionals } = readFlags(argv, OPTIONS);
  if (values.help === true) return { name: 'help' };

  const problems: Problem[] = [];
  const count = (flag: 'sets' | 'pictures' | 'tries' | 'seed' | 'steps', least: number, most: number) => {
    const text = values[flag];
    if (text === undefined) return undefined;
    const number = Number(text);
    if (/^\d+$/.test(text) && number >= least && number <= most) return number;
    problems.push(problem(`--${flag}`, `--${flag} is '${text}'; must be a whole number from ${least} to ${most}`));
    return undefined;
  };
  const [word, testbed, ...rest] = positionals;
  const method = METHODS.find((name) => name === word);
  if (method === undefined)
    problems.push(problem('method', `method is '${word ?? ''}'; must be ${METHODS.join(' or ')}`));
  if (rest.length > 0)
    problems.push(problem('testbed', `testbed is '${[testbed, ...rest].join(' ')}'; must be one file`));
  if ((testbed === undefined) === (values.request === undefined)) {
    problems.push(problem('testbed', 'tune needs a testbed or --request, and not both'));
  }
  const part = PARTS.find((name) => name === (values.part ?? 'tuning'));
  if (part === undefined) {
    problems.push(problem('--part', `--part is '${values.part}'; must be ${PARTS.join(', ')}`));
  }
  const sizes = values.sizes?.split(',').map(Number);
  if (sizes?.every((size) => Number.isInteger(size) && size > 0) === false) {
    problems.push(problem('--sizes', `--sizes is '${values.sizes}'; must be whole numbers from 1, e.g. 2,3`));
  }
  const { checkpoint, loras, judge } = placesOf(values, testbed === undefined ? defaults : undefined);
  if (values.request !== undefined) {
    const missing = Object.entries({ '--model': checkpoint, '--loras': loras, '--judge': judge });
    for (const [flag] of missing.filter(([, value]) => value === undefined)) {
      problems.push(problem(flag, `${flag} is missing; must be given with --request`));
    }
  }
  const numbers = {
    pictures: count('pictures', 1, LIMITS.imagesMax) ?? PICTURES,
    tries: count('tries', 1, TRIES_MAX) ?? TRIES,
    seed: count('seed', 0, LIMITS.seedMax) ?? SEED,
    steps: count('steps', LIMITS.stepsMin, LIMITS.stepsMax),
  };
  const setsPerSize = count('sets', 1, TRIES_MAX);
  if (problems.length > 0 || method === undefined) throw new InputError(problems);
  const selection = { group: undefined, methods: [], part, sizes, setsPerSize, seeds: undefined };
  const request = { request: values.request ?? '', judge: judge ?? '', caption: values.caption };
  return {
    name: 'tune',
    arguments: {
      method,
      on: testbed === undefined ? request : { testbed, selection },
      checkpoint,
      loras,
      ...numbers,
      out: values.out,
      json: values.json ?? false,
    },
  };
}

function placesOf(
  values: { readonly model?: string; readonly loras?: string; readonly judge?: string },
  defaults: { readonly checkpoint: string | undefined; readonly loras: string | undefined } | undefined,
) {
  return {
    checkpoint: values.model ?? defaults?.checkpoint,
    loras: values.loras ?? defaults?.loras,
    judge: values.judge,
  };
}
