import { basename, extname } from 'node:path';
import { ServiceError } from '../contract/errors.ts';
import { type GenerationRequest, parseGenerationRequest } from '../contract/generation-request.ts';
import { METHOD_NAMES } from '../core/composition/options.ts';
import { isObject } from '../core/is-object.ts';
import { messageOf } from '../core/message-of.ts';
import { InputError, type Problem } from '../core/problem.ts';
import { SAMPLER_NAMES } from '../core/samplers/names.ts';
import { problem, readFlags } from './flags.ts';

/**
 * The command line of `overtone` to a generation request, checked like every other door's. What is wrong with the flags and what is
 * wrong with the request is reported together. The one file that it asks for, a request in JSON, is read by whoever calls it.
 */

/** What `generate` and `plan` are given. */
export interface RequestArguments {
  /** A diffusers folder. */
  readonly checkpoint: string;
  /** A folder of LoRA files; undefined where LoRAs are given as files, or not at all. */
  readonly loras: string | undefined;
  /** LoRAs given as files, by the ids that the request uses for them: their stems, so that a recipe holds no path. */
  readonly loraFiles: ReadonlyMap<string, string>;
  /** A folder of measured profiles. */
  readonly profileCache?: string;
  readonly request: GenerationRequest;
  readonly out: string;
  readonly json: boolean;
}

export type Command =
  | { readonly name: 'help' }
  | { readonly name: 'generate' | 'plan'; readonly arguments: RequestArguments };

export const USAGE = `usage: overtone generate --prompt TEXT [options]
       overtone plan --prompt TEXT [options]
       overtone profile --help
       overtone evaluate --help
       overtone tune --help
       overtone keys --help
       overtone recipe FILE
       overtone replay FILE [options]

generate makes a picture; plan, with the same options, says what would run and what it would cost, and runs nothing.

  --model DIR            checkpoint: a diffusers folder (default: OVERTONE_MODEL)
  --prompt TEXT          what the picture shows
  --negative TEXT        what guidance leads away from
  --lora FILE_OR_ID[:W]  a LoRA at weight W (default 1); may be repeated
  --loras DIR            folder in which LoRA ids are looked up (default: OVERTONE_LORAS)
  --profile-cache DIR    what \`overtone profile --cache\` has kept: fills in the classes and the order that nobody says
  --method NAME          how the LoRAs act together: ${METHOD_NAMES.slice(0, 6).join(', ')},
                         ${METHOD_NAMES.slice(6).join(', ')}
  --composition JSON     options of the method, e.g. '{"cut":"outer"}'
  --seed N               default: drawn at random, and printed
  --steps N              denoising steps
  --size WxH             in pixels, e.g. 512x768
  --sampler NAME         ${SAMPLER_NAMES.join(', ')}
                         (default: the checkpoint's)
  --guidance X           classifier-free guidance scale
  --guidance-rescale X   how far guidance is brought back in contrast, 0 (default) to 1
  --format NAME          png, webp or jpeg (default: png)
  --quality N            of webp and jpeg, 1 to 100 (default: 90)
  --out FILE             where the picture goes (default: overtone.png, or as the format has it)
  --request FILE         a request as the HTTP door takes it, in JSON; the flags above go over it
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
  'profile-cache': { type: 'string' },
  method: { type: 'string' },
  composition: { type: 'string' },
  seed: { type: 'string' },
  steps: { type: 'string' },
  size: { type: 'string' },
  sampler: { type: 'string' },
  guidance: { type: 'string' },
  'guidance-rescale': { type: 'string' },
  format: { type: 'string' },
  quality: { type: 'string' },
  out: { type: 'string' },
  request: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** What a command line rests on besides its words. */
export interface CommandContext {
  /** What the environment says. */
  readonly checkpoint: string | undefined;
  readonly loras: string | undefined;
  /** The text of the file that `--request` names. */
  readonly readText: (path: string) => string;
}

/** Throws an InputError with every problem, and `malformed_json` for a request file that is no JSON. */
export function parseCommand(argv: readonly string[], context: CommandContext): Command {
  const { values, positionals } = readFlags(argv, OPTIONS);
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
  const number = (flag: 'seed' | 'steps' | 'guidance' | 'guidance-rescale' | 'quality') =>
    collect(() => parseNumber(`--${flag}`, values[flag]));

  const command = COMMANDS.find((name) => name === positionals[0]);
  if (command === undefined || positionals.length > 1) {
    problems.push(
      problem(
        'command',
        `command is '${positionals.join(' ')}'; must be generate, plan, profile, evaluate, tune or keys`,
      ),
    );
  }
  const checkpoint = values.model ?? context.checkpoint;
  if (checkpoint === undefined) problems.push(problem('--model', '--model is missing, and so is OVERTONE_MODEL'));
  const loras = (values.lora ?? []).map(parseLora);
  const loraFiles = collect(() => filesById(loras)) ?? new Map<string, string>();
  const base = collect(() => readRequest(values.request, context.readText));
  const flags = withoutUndefined({
    prompt: values.prompt,
    negative_prompt: values.negative,
    ...collect(() => parseSize(values.size)),
    steps: number('steps'),
    guidance_scale: number('guidance'),
    guidance_rescale: number('guidance-rescale'),
    sampler: values.sampler,
    seed: number('seed'),
    loras: values.lora && loras.map(({ id, weight }) => ({ id, weight })),
    output: parseOutput(values.format, number('quality'), base),
    composition: collect(() => parseComposition(values.method, values.composition)),
  });
  const request = collect(() => parseGenerationRequest(isObject(base) ? { ...base, ...flags } : base));
  if (command === 'generate' && request !== undefined) problems.push(...generateProblems(request));
  if (problems.length > 0 || command === undefined || checkpoint === undefined || request === undefined) {
    throw new InputError(problems);
  }
  const { out = `overtone.${request.output?.format ?? 'png'}`, json = false } = values;
  return {
    name: command,
    arguments: {
      checkpoint,
      loras: values.loras ?? context.loras,
      loraFiles,
      ...(values['profile-cache'] !== undefined && { profileCache: values['profile-cache'] }),
      request,
      out,
      json,
    },
  };
}

const COMMANDS = ['generate', 'plan'] as const;

/** The request below the flags: a file's, or an empty one. */
function readRequest(path: string | undefined, readText: CommandContext['readText']): unknown {
  if (path === undefined) return {};
  let text: string;
  try {
    text = readText(path);
  } catch (cause) {
    throw new InputError([problem('--request', `--request is '${path}'; must be a file that can be read`)], { cause });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = messageOf(cause);
    throw new ServiceError('malformed_json', `--request is '${path}', which is not JSON: ${reason}`, { cause });
  }
}

/** What a request may say to a service and not to a program that writes one file. */
function generateProblems({ n = 1 }: GenerationRequest): readonly Problem[] {
  return n === 1 ? [] : [problem('n', `n is ${n}; must be 1, since overtone generate writes one file`)];
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
    const reason = messageOf(cause);
    throw new InputError([problem('--composition', `--composition is not JSON: ${reason}`)], { cause });
  }
  if (!isObject(options)) {
    throw new InputError([problem('--composition', `--composition is ${json}; must be a JSON object`)]);
  }
  return method === undefined ? options : { ...options, method };
}

/** The flags over what a request file says; undefined where neither says anything. */
function parseOutput(format: string | undefined, quality: number | undefined, base: unknown): unknown {
  if (format === undefined && quality === undefined) return undefined;
  const output = isObject(base) && isObject(base.output) ? base.output : {};
  return withoutUndefined({ ...output, format: format ?? output.format, quality: quality ?? output.quality });
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
