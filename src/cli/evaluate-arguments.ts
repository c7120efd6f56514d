import { basename, dirname, extname, join } from 'node:path';
import { PARTS, PICTURES_OF_SET_MAX } from '../contract/testbed.ts';
import { InputError } from '../core/problem.ts';
import type { Selection } from '../evaluation/plan-evaluation.ts';
import { problem, readFlags } from './flags.ts';

/** The command line of `overtone evaluate`. Names are checked later, against the testbed. */

export interface EvaluateArguments {
  /** A testbed file. */
  readonly testbed: string;
  /** Folder of pictures, scores and report. */
  readonly out: string;
  /** In place of the testbed's own. */
  readonly checkpoint: string | undefined;
  readonly loras: string | undefined;
  readonly selection: Selection;
  readonly json: boolean;
}

export type EvaluateCommand =
  | { readonly name: 'help' }
  | { readonly name: 'evaluate'; readonly arguments: EvaluateArguments };

export const EVALUATE_USAGE = `usage: overtone evaluate TESTBED.json [options]

Draws the pictures of a testbed by every method, lets judges score them, and writes a report.
Stop it whenever you like and run the same line again: it goes on where it was.

  --out DIR          pictures, scores and report (default: out/evaluation/NAME)
  --group NAME       which of the testbed's groups of methods (default: the first)
  --methods A,B,C    these methods in place of the group's
  --part NAME        tuning, held_out or all sets (default: as the group says)
  --sizes 2,3        sets of so many LoRAs (default: all)
  --sets N           at most N sets of each size (default: all)
  --seeds N          pictures of each set and method (default: as the group says)
  --model DIR        checkpoint in place of the testbed's
  --loras DIR        folder of LoRAs in place of the testbed's
  --json             print one JSON line instead of the table
  --help             this text

A smaller choice is a part of a larger one: its pictures and scores are taken over.
`;

const OPTIONS = {
  out: { type: 'string' },
  group: { type: 'string' },
  methods: { type: 'string' },
  part: { type: 'string' },
  sizes: { type: 'string' },
  sets: { type: 'string' },
  seeds: { type: 'string' },
  model: { type: 'string' },
  loras: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** `argv` is what follows the word `evaluate`. Throws an InputError with every problem. */
export function parseEvaluateCommand(argv: readonly string[]): EvaluateCommand {
  const { values, positionals } = readFlags(argv, OPTIONS);
  if (values.help === true) return { name: 'help' };

  const [testbed] = positionals;
  const part = PARTS.find((name) => name === values.part);
  const sizes = values.sizes?.split(',').map(wholeNumber);
  const counts = { sets: wholeNumber(values.sets), seeds: wholeNumber(values.seeds) };
  const problems = [
    ...(positionals.length === 1
      ? []
      : [problem('testbed', `testbed is '${positionals.join(' ')}'; must be one file, e.g. demo/testbed.json`)]),
    ...(values.part === undefined || part !== undefined
      ? []
      : [problem('--part', `--part is '${values.part}'; must be ${PARTS.join(', ')}`)]),
    ...(sizes?.every((size) => size !== undefined) === false
      ? [problem('--sizes', `--sizes is '${values.sizes}'; must be whole numbers from 1, e.g. 2,3`)]
      : []),
    ...(['sets', 'seeds'] as const)
      .filter((flag) => values[flag] !== undefined && counts[flag] === undefined)
      .map((flag) => problem(`--${flag}`, `--${flag} is '${values[flag]}'; must be a whole number from 1`)),
    ...((counts.seeds ?? 1) > PICTURES_OF_SET_MAX
      ? [problem('--seeds', `--seeds is ${counts.seeds}; must be at most ${PICTURES_OF_SET_MAX}`)]
      : []),
  ];
  if (problems.length > 0 || testbed === undefined) throw new InputError(problems);
  return {
    name: 'evaluate',
    arguments: {
      testbed,
      out: values.out ?? join('out', 'evaluation', nameOf(testbed)),
      checkpoint: values.model,
      loras: values.loras,
      selection: {
        group: values.group,
        methods: values.methods?.split(','),
        part,
        sizes: sizes?.flatMap((size) => size ?? []),
        setsPerSize: counts.sets,
        seeds: counts.seeds,
      },
      json: values.json ?? false,
    },
  };
}

/** `demo/testbed.json` is called demo, `testbeds/anime.json` anime. */
function nameOf(testbed: string): string {
  const stem = basename(testbed, extname(testbed));
  const folder = basename(dirname(testbed));
  return stem === 'testbed' && folder !== '' && folder !== '.' && folder !== '..' ? folder : stem;
}

/** Undefined for what is none. */
function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,5}$/.test(text) ? Number(text) : undefined;
}
