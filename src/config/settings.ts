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
  readonly data: string;
  readonly device: 'cpu' | `cuda:${number}`;
  readonly concurrency: number;
  readonly threads: number | undefined;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  readonly resultLifetimeS: number;
  readonly drainS: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

const NAMES = Object.keys(SCHEMA) as SettingName[];

/**
 * Settings from the environment and from flags (`--name value` or `--name=value`). An empty variable counts as not set. Throws an
 * InputError with everything that is wrong, in words that name the flag or the variable.
 */
export function parseSettings(env: Environment, argv: readonly string[]): Settings {
  const { flags, problems } = readFlags(argv);
  const values = Object.fromEntries(
    NAMES.map((name) => {
      const setting: Setting = SCHEMA[name];
      const flag = flags.get(setting.flag);
      const variable = env[setting.env] === '' ? undefined : env[setting.env];
      const text = flag ?? variable ?? setting.fallback;
      if (text === undefined) return [name, undefined];
      const parsed = parseValue(setting.kind, text);
      if ('allowed' in parsed) {
        const subject = flag === undefined ? setting.env : setting.flag;
        problems.push(problem(subject, `${subject} is '${text}'; must be ${parsed.allowed}`));
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
  return Object.fromEntries(NAMES.map((name) => [SCHEMA[name].env, settings[name]?.toString() ?? '']));
}

/** What `--help` prints. */
export function describeSettings(): string {
  return NAMES.map((name) => {
    const { flag, env, fallback, meaning }: Setting = SCHEMA[name];
    const default_ = fallback === undefined ? '' : ` (default ${fallback})`;
    return `  ${flag.padEnd(18)} ${env.padEnd(26)} ${meaning}${default_}`;
  }).join('\n');
}

function readFlags(argv: readonly string[]): { flags: ReadonlyMap<string, string>; problems: Problem[] } {
  const known: ReadonlySet<string> = new Set(NAMES.map((name) => SCHEMA[name].flag));
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
