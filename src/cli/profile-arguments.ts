import type { FrequencyClass } from '../core/composition/method.ts';
import { InputError, type Problem } from '../core/problem.ts';
import { CATEGORIES, type Category } from '../core/sequencer/frequency-sets.ts';
import { problem, readFlagsAlone } from './flags.ts';

/** The command line of `overtone profile`. Nothing is opened here; what the model cannot do is found later, by `pipeline/profile-settings.ts`. */

export interface ProfileArguments {
  readonly checkpoint: string;
  /** A folder of LoRA files. */
  readonly loras: string;
  /** Empty: all of the folder. */
  readonly ids: readonly string[];
  /** What a person says of a LoRA, by its id. */
  readonly said: ReadonlyMap<string, { readonly frequencyClass: FrequencyClass } | { readonly category: Category }>;
  /** A file with one prompt a line. */
  readonly prompts: string | undefined;
  readonly seedCount: number | undefined;
  readonly steps: number | undefined;
  readonly size: { readonly width: number; readonly height: number } | undefined;
  /** Where the plot goes. */
  readonly out: string | undefined;
  /** A folder in which profiles are kept and found again. */
  readonly cache: string | undefined;
  readonly json: boolean;
}

export type ProfileCommand =
  | { readonly name: 'help' }
  | { readonly name: 'profile'; readonly arguments: ProfileArguments };

export const PROFILE_USAGE = `usage: overtone profile [options]

Measures how fine, and how strong, is what LoRAs change, and sorts them for cmlora.

  --model DIR        checkpoint: a diffusers folder (default: OVERTONE_MODEL)
  --loras DIR        folder of LoRA files (default: OVERTONE_LORAS)
  --lora ID          a LoRA of it; may be repeated (default: all)
  --class ID=NAME    what you know of a LoRA: high or low, or a category:
                     ${CATEGORIES.join(', ')}
  --prompts FILE     one prompt a line, at least 4 (default: four plain ones)
  --seeds N          seeds for each prompt, at least 4 (default: 4)
  --steps N          steps of each picture (default: 20)
  --size WxH         in pixels (default: the checkpoint's)
  --cache DIR        keep profiles there, and take those that are there already
  --out FILE.svg     draw the spectra
  --json             print one JSON line instead of the table
  --help             this text
`;

const OPTIONS = {
  model: { type: 'string' },
  loras: { type: 'string' },
  lora: { type: 'string', multiple: true },
  class: { type: 'string', multiple: true },
  prompts: { type: 'string' },
  seeds: { type: 'string' },
  steps: { type: 'string' },
  size: { type: 'string' },
  cache: { type: 'string' },
  out: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** `argv` is what follows the word `profile`; `defaults` are what the environment says. Throws an InputError with every problem. */
export function parseProfileCommand(
  argv: readonly string[],
  defaults: { readonly checkpoint: string | undefined; readonly loras: string | undefined },
): ProfileCommand {
  const values = readFlagsAlone(argv, OPTIONS);
  if (values.help === true) return { name: 'help' };

  const { model: checkpoint = defaults.checkpoint, loras = defaults.loras, lora: ids = [] } = values;
  const classes = (values.class ?? []).map((text) => ({ text, ...parseClass(text) }));
  const size = parseSize(values.size);
  const problems = [
    ...(checkpoint === undefined ? [problem('--model', '--model is missing, and so is OVERTONE_MODEL')] : []),
    ...(loras === undefined ? [problem('--loras', '--loras is missing, and so is OVERTONE_LORAS')] : []),
    ...twinProblems('--lora', ids),
    ...classProblems(classes, ids),
    ...(['seeds', 'steps'] as const).flatMap((flag) => countProblems(`--${flag}`, values[flag])),
    ...(size === null
      ? [problem('--size', `--size is '${values.size}'; must be width x height in pixels, e.g. 512x768`)]
      : []),
    ...(values.out === undefined || values.out.endsWith('.svg')
      ? []
      : [problem('--out', `--out is '${values.out}'; must be the name of an .svg file`)]),
  ];
  if (problems.length > 0 || checkpoint === undefined || loras === undefined) throw new InputError(problems);
  return {
    name: 'profile',
    arguments: {
      checkpoint,
      loras,
      ids,
      said: new Map(classes.flatMap(({ id, said }) => (said === undefined ? [] : [[id, said] as const]))),
      prompts: values.prompts,
      seedCount: values.seeds === undefined ? undefined : Number(values.seeds),
      steps: values.steps === undefined ? undefined : Number(values.steps),
      size: size ?? undefined,
      out: values.out,
      cache: values.cache,
      json: values.json ?? false,
    },
  };
}

interface ParsedClass {
  readonly id: string;
  readonly said?: { readonly frequencyClass: FrequencyClass } | { readonly category: Category };
}

/** `ID=NAME`; the name follows the last `=`, since an id may hold one. */
function parseClass(text: string): ParsedClass {
  const end = text.lastIndexOf('=');
  const [id, name] = [text.slice(0, Math.max(0, end)), text.slice(end + 1)];
  if (name === 'high' || name === 'low') return { id, said: { frequencyClass: name } };
  const category = CATEGORIES.find((each) => each === name);
  return category === undefined ? { id } : { id, said: { category } };
}

function classProblems(
  classes: readonly (ParsedClass & { readonly text: string })[],
  ids: readonly string[],
): readonly Problem[] {
  const malformed = classes
    .filter(({ id, said }) => id === '' || said === undefined)
    .map(({ text }) => {
      const allowed = `must be ID=NAME, where NAME is high, low, ${CATEGORIES.join(', ')}`;
      return problem('--class', `--class is '${text}'; ${allowed}`);
    });
  const strangers = classes
    .filter(({ id }) => id !== '' && ids.length > 0 && !ids.includes(id))
    .map(({ id }) => problem('--class', `--class names '${id}', which no --lora does`));
  return [
    ...malformed,
    ...strangers,
    ...twinProblems(
      '--class',
      classes.map(({ id }) => id),
    ),
  ];
}

function twinProblems(flag: string, ids: readonly string[]): readonly Problem[] {
  const twins = new Set(ids.filter((id, index) => ids.indexOf(id) < index));
  return [...twins].map((id) => problem(flag, `${flag} names '${id}' more than once; name each LoRA once`));
}

function countProblems(flag: string, text: string | undefined): readonly Problem[] {
  if (text === undefined || /^\d+$/.test(text)) return [];
  return [problem(flag, `${flag} is '${text}'; must be a whole number`)];
}

/** Null where the text is no size. */
function parseSize(text: string | undefined): { readonly width: number; readonly height: number } | null | undefined {
  if (text === undefined) return undefined;
  const [, width, height] = /^(\d+)x(\d+)$/.exec(text) ?? [];
  return width === undefined || height === undefined ? null : { width: Number(width), height: Number(height) };
}
