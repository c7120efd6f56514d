import { basename, extname } from 'node:path';
import { parseArgs } from 'node:util';
import { type GenerationRequest, parseGenerationRequest } from '../contract/generation-request.ts';
import { InputError, type Problem } from '../core/problem.ts';

/**
 * The command line of `overtone generate` to a generation request, checked like every other door's. Nothing is opened here. What is
 * wrong with the flags and what is wrong with the request is reported together.
 */

export interface GenerateArguments {
  /** A diffusers folder. */
  readonly checkpoint: string;
  /** A folder of LoRA files; undefined where LoRAs are given as files, or not at all. */
  readonly loras: string | undefined;
  /** LoRAs given as files, by the ids that the request uses for them: their stems, so that a recipe holds no path. */
  readonly loraFiles: ReadonlyMap<string, string>;
  readonly request: GenerationRequest;
  readonly out: string;
  readonly json: boolean;
}

export type Command = { readonly name: 'help' } | { readonly name: 'generate'; readonly arguments: GenerateArguments };

export const USAGE = `usage: overtone generate --prompt TEXT [options]

  --model DIR            checkpoint: a diffusers folder (default: OVERTONE_MODEL)
  --prompt TEXT          what the picture shows
  --negative TEXT        what guidance leads away from
  --lora FILE_OR_ID[:W]  a LoRA at weight W (default 1); may be repeated
  --loras DIR            folder in which LoRA ids are looked up (default: OVERTONE_LORAS)
  --method NAME          how the LoRAs act together: merge, cmlora
  --composition JSON     options of the method, e.g. '{"cut":"outer"}'
  --seed N               default: drawn at random, and printed
  --steps N              denoising steps
  --size WxH             in pixels, e.g. 512x768
  --sampler NAME         ddim, euler (default: the checkpoint's)
  --guidance X           classifier-free guidance scale
  --out FILE             where the PNG goes (default: overtone.png)
  --json                 print one JSON line instead of the report
  --help                 this text

Defaults that are not named here come from the checkpoint.
`;

const OPTIONS = {
  model: { type: 'string' },
  prompt: { type: 'string' },
  negative: { type: 'string' },
  lora: { type: 'string', multiple: true },
  loras: { type: 'string' },
  method: { type: 'string' },
  composition: { type: 'string' },
  seed: { type: 'string' },
  steps: { type: 'string' },
  size: { type: 'string' },
  sampler: { type: 'string' },
  guidance: { type: 'string' },
  out: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** `defaults` are what the environment says. Throws an InputError with every problem. */
export function parseCommand(
  argv: readonly string[],
  defaults: { readonly checkpoint: string | undefined; readonly loras: string | undefined },
): Command {
  const { values, positionals } = readFlags(argv);
  if (values.help === true || argv.length === 0) return { name: 'help' };

  const problems: Problem[] = [];
  const collect = <T>(parse: () => T): T | undefined => {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      problems.push(...error.problems);
      return undefined;
    }
  };
  const number = (flag: 'seed' | 'steps' | 'guidance') => collect(() => parseNumber(`--${flag}`, values[flag]));

  const [command, ...rest] = positionals;
  if (command !== 'generate' || rest.length > 0) {
    problems.push(problem('command', `command is '${positionals.join(' ')}'; must be generate`));
  }
  const checkpoint = values.model ?? defaults.checkpoint;
  if (checkpoint === undefined) problems.push(problem('--model', '--model is missing, and so is OVERTONE_MODEL'));
  const loras = (values.lora ?? []).map(parseLora);
  const loraFiles = collect(() => filesById(loras)) ?? new Map<string, string>();
  const request = collect(() =>
    parseGenerationRequest(
      withoutUndefined({
        prompt: values.prompt,
        negative_prompt: values.negative,
        ...collect(() => parseSize(values.size)),
        steps: number('steps'),
        guidance_scale: number('guidance'),
        sampler: values.sampler,
        seed: number('seed'),
        loras: loras.map(({ id, weight }) => ({ id, weight })),
        composition: collect(() => parseComposition(values.method, values.composition)),
      }),
    ),
  );
  if (problems.length > 0 || checkpoint === undefined || request === undefined) throw new InputError(problems);
  const { out = 'overtone.png', json = false } = values;
  return {
    name: 'generate',
    arguments: { checkpoint, loras: values.loras ?? defaults.loras, loraFiles, request, out, json },
  };
}

function readFlags(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
  } catch (cause) {
    // parseArgs stops at the first flag that it does not know; its sentence names it.
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new InputError([problem('command line', message)], { cause });
  }
}

function parseNumber(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isNaN(value)) throw new InputError([problem(flag, `${flag} is '${text}'; must be a number`)]);
  return value;
}

function parseSize(text: string | undefined): { readonly width?: number; readonly height?: number } {
  if (text === undefined) return {};
  const [, width, height] = /^(\d+)x(\d+)$/.exec(text) ?? [];
  if (width === undefined || height === undefined) {
    throw new InputError([problem('--size', `--size is '${text}'; must be width x height in pixels, e.g. 512x768`)]);
  }
  return { width: Number(width), height: Number(height) };
}

function parseComposition(method: string | undefined, json: string | undefined): unknown {
  if (json === undefined) return method === undefined ? undefined : { method };
  let options: unknown;
  try {
    options = JSON.parse(json);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InputError([problem('--composition', `--composition is not JSON: ${reason}`)], { cause });
  }
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new InputError([problem('--composition', `--composition is ${json}; must be a JSON object`)]);
  }
  return method === undefined ? options : { ...options, method };
}

interface LoraArgument {
  readonly id: string;
  readonly weight: number;
  /** Where the LoRA was given as a file. */
  readonly path: string | undefined;
}

/** `NAME`, `NAME:WEIGHT`; the name is a file if it ends like one, else an id. */
function parseLora(text: string): LoraArgument {
  const [, name = text, weight = '1'] = /^(.*):([^:]*\d[^:]*)$/.exec(text) ?? [];
  const isWeight = !Number.isNaN(Number(weight));
  const [reference, value] = isWeight ? [name, Number(weight)] : [text, 1];
  if (extname(reference) !== '.safetensors') return { id: reference, weight: value, path: undefined };
  return { id: basename(reference, '.safetensors'), weight: value, path: reference };
}

function filesById(loras: readonly LoraArgument[]): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  const problems: Problem[] = [];
  for (const { id, path } of loras) {
    if (path === undefined) continue;
    if (files.has(id)) {
      problems.push(problem('--lora', `--lora ${path} and ${files.get(id)} have one name; must be files of two names`));
    }
    files.set(id, path);
  }
  if (problems.length > 0) throw new InputError(problems);
  return files;
}

function withoutUndefined(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function problem(subject: string, message: string): Problem {
  return { code: 'invalid_request', subject, message };
}
