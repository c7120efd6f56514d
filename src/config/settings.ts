import { readFileSync } from 'node:fs';
import { messageOf } from '../core/message-of.ts';
import { InputError, type Problem } from '../core/problem.ts';
import { SCHEMA, type Setting, type SettingKind, type SettingName } from './schema.ts';

/** Every setting of every program, parsed. What each one means, its default and its bounds: `schema.ts`. */
export interface Settings {
  readonly model: string | undefined;
  readonly loras: string | undefined;
  readonly redisUrl: string | undefined;
  readonly httpHost: string;
  readonly httpPort: number;
  readonly grpcHost: string;
  readonly grpcPort: number;
  readonly access: 'open' | 'keys' | undefined;
  /** To be read by `parseNetworks`. */
  readonly proxies: string | undefined;
  readonly adminKey: string | undefined;
  readonly requestsPerMinute: number;
  readonly strangersPerMinute: number;
  readonly picturesPerDay: number | undefined;
  readonly tlsCertFile: string | undefined;
  readonly tlsKeyFile: string | undefined;
  readonly grpcClientCaFile: string | undefined;
  readonly webhooks: 'off' | 'public' | 'any';
  readonly traces: string | undefined;
  readonly data: string;
  readonly blobs: string | undefined;
  readonly s3Endpoint: string | undefined;
  readonly s3Region: string;
  readonly cache: string | undefined;
  readonly cacheMib: number;
  readonly device: 'cpu' | `cuda:${number}`;
  readonly concurrency: number;
  readonly threads: number | undefined;
  readonly profiles: 'auto' | 'off';
  readonly visionUrl: string | undefined;
  readonly visionKey: string | undefined;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  readonly healthFile: string | undefined;
  readonly resultLifetimeS: number;
  readonly loraMemoryMib: number;
  readonly maxWaiting: number;
  readonly maxOutstanding: number;
  readonly cancelGraceS: number;
  readonly engineSilenceS: number;
  readonly drainS: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

const NAMES = Object.keys(SCHEMA) as SettingName[];

/**
 * Settings from the environment and from flags (`--name value` or `--name=value`). An empty variable counts as not set. A secret may
 * lie in a file that a variable or a flag names. Throws an InputError with everything that is wrong, in words that name the flag or
 * the variable.
 */
export function parseSettings(env: Environment, argv: readonly string[], readText = readTextFile): Settings {
  const { flags, problems } = readFlags(argv);
  const values = Object.fromEntries(
    NAMES.map((name) => {
      const setting: Setting = SCHEMA[name];
      const found = findText(setting, flags, env, readText);
      if (found === undefined) return [name, undefined];
      if ('problem' in found) {
        problems.push(found.problem);
        return [name, undefined];
      }
      const parsed = parseValue(setting.kind, found.text);
      if ('allowed' in parsed) {
        const { subject } = found;
        const said = setting.secret ? 'not what it must be' : `'${found.text}'`;
        problems.push(problem(subject, `${subject} is ${said}; must be ${parsed.allowed}`));
        return [name, undefined];
      }
      return [name, parsed.value];
    }),
  );
  if (problems.length > 0) throw new InputError(problems);
  return values as unknown as Settings;
}

/** The environment that gives a child process these settings, to be laid over its parent's. */
export function environmentOf(settings: Settings): Record<string, string> {
  return Object.fromEntries(
    NAMES.flatMap((name) => {
      const { env, secret }: Setting = SCHEMA[name];
      const value = [env, settings[name]?.toString() ?? ''];
      return secret ? [value, [fileVariable(env), '']] : [value];
    }),
  );
}

/** What `--help` prints. */
export function describeSettings(): string {
  return NAMES.map((name) => {
    const { flag, env, fallback, secret, meaning }: Setting = SCHEMA[name];
    const default_ = fallback === undefined ? '' : ` (default ${fallback})`;
    const file = secret ? ` Or in a file: ${fileFlag(flag)}, ${fileVariable(env)}.` : '';
    return `  ${flag.padEnd(23)} ${env.padEnd(30)} ${meaning}${file}${default_}`;
  }).join('\n');
}

const fileVariable = (env: string) => `${env}_FILE`;
const fileFlag = (flag: string) => `${flag}-file`;

type Found =
  | { readonly text: string; readonly subject: string }
  | { readonly problem: Problem }
  /** Said nowhere, and no default. */
  | undefined;

/** A setting's text, by its flag, else its variable, else its default; of a secret also from a file. */
function findText(
  { env: variable, flag, fallback, secret }: Setting,
  flags: ReadonlyMap<string, string>,
  env: Environment,
  readText: (path: string) => string,
): Found {
  const places = [
    { value: flags.get(flag), path: flags.get(fileFlag(flag)), subject: flag, file: fileFlag(flag) },
    { value: env[variable], path: env[fileVariable(variable)], subject: variable, file: fileVariable(variable) },
  ];
  for (const { value, path, subject, file } of places) {
    const hasValue = value !== undefined && value !== '';
    if (!secret || path === undefined || path === '') {
      if (hasValue) return { text: value, subject };
      continue;
    }
    if (hasValue) return { problem: problem(subject, `${subject} and ${file} are both there; leave one out`) };
    try {
      return { text: readText(path).trim(), subject: file };
    } catch (error) {
      const reason = messageOf(error);
      return { problem: problem(file, `${file} is '${path}'; must be a file that can be read: ${reason}`) };
    }
  }
  return fallback === undefined ? undefined : { text: fallback, subject: variable };
}

function readTextFile(path: string): string {
  return readFileSync(path, 'utf8');
}

function readFlags(argv: readonly string[]): { flags: ReadonlyMap<string, string>; problems: Problem[] } {
  const known: ReadonlySet<string> = new Set(
    NAMES.flatMap((name) => {
      const { flag, secret }: Setting = SCHEMA[name];
      return secret ? [flag, fileFlag(flag)] : [flag];
    }),
  );
  const flags = new Map<string, string>();
  const problems: Problem[] = [];
  for (let at = 0; at < argv.length; at++) {
    const [flag = '', inline] = splitOnce(argv[at] ?? '');
    const isNext = inline === undefined && !(argv[at + 1] ?? '--').startsWith('--');
    const value = isNext ? argv[++at] : inline;
    if (!known.has(flag)) {
      problems.push(problem(flag, `${flag} is not an option; there are ${[...known].join(', ')}`));
    } else if (value === undefined || value === '') {
      problems.push(problem(flag, `${flag} has no value`));
    } else {
      flags.set(flag, value);
    }
  }
  return { flags, problems };
}

function splitOnce(argument: string): readonly string[] {
  const equals = argument.indexOf('=');
  return equals < 0 ? [argument] : [argument.slice(0, equals), argument.slice(equals + 1)];
}

function parseValue(
  kind: SettingKind,
  text: string,
): { readonly value: string | number } | { readonly allowed: string } {
  switch (kind.type) {
    case 'text':
      return { value: text };
    case 'choice':
      return kind.of.includes(text) ? { value: text } : { allowed: `one of ${kind.of.join(', ')}` };
    case 'pattern':
      return kind.pattern.test(text) ? { value: text } : { allowed: kind.allowed };
    case 'integer': {
      const value = Number(text);
      const isAllowed = /^\d+$/.test(text) && value >= kind.min && value <= kind.max;
      return isAllowed ? { value } : { allowed: `an integer from ${kind.min} to ${kind.max}` };
    }
  }
}

function problem(subject: string, message: string): Problem {
  return { code: 'invalid_request', subject, message };
}
