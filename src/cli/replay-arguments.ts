import { InputError, type Problem } from '../core/problem.ts';
import { problem, readFlags } from './flags.ts';

/** The command line of `overtone replay`. */

export interface ReplayArguments {
  /** The picture that is to be made again. */
  readonly file: string;
  readonly checkpoint: string;
  /** A folder of LoRA files. */
  readonly loras: string | undefined;
  readonly loraFiles: readonly string[];
  /** Where the new picture goes; undefined to keep none. */
  readonly out: string | undefined;
  readonly json: boolean;
}

export const REPLAY_USAGE = `usage: overtone replay FILE [options]

Makes the picture in FILE again by the recipe in it, and says whether that is the same file. Exit code 1 where it is not.

  --model DIR    checkpoint: a diffusers folder with the bytes that the recipe names (default: OVERTONE_MODEL)
  --loras DIR    folder of LoRA files, found by their bytes whatever they are called (default: OVERTONE_LORAS)
  --lora FILE    a LoRA's file that lies elsewhere; may be repeated
  --out FILE     where the new picture goes (default: nowhere)
  --json         print one JSON line instead of a sentence
  --help         this text
`;

const OPTIONS = {
  model: { type: 'string' },
  loras: { type: 'string' },
  lora: { type: 'string', multiple: true },
  out: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** Undefined where only help was asked for. Throws an InputError with every problem. */
export function parseReplayCommand(
  argv: readonly string[],
  context: { readonly checkpoint: string | undefined; readonly loras: string | undefined },
): ReplayArguments | undefined {
  const { values, positionals } = readFlags(argv, OPTIONS);
  if (values.help === true || argv.length === 0) return undefined;
  const problems: Problem[] = [];
  const [file] = positionals;
  if (file === undefined || positionals.length > 1) {
    problems.push(problem('FILE', `FILE is '${positionals.join(' ')}'; must be one picture`));
  }
  const checkpoint = values.model ?? context.checkpoint;
  if (checkpoint === undefined) problems.push(problem('--model', '--model is missing, and so is OVERTONE_MODEL'));
  if (problems.length > 0 || file === undefined || checkpoint === undefined) throw new InputError(problems);
  const { lora: loraFiles = [], out, json = false } = values;
  return { file, checkpoint, loras: values.loras ?? context.loras, loraFiles, out, json };
}
