import { type DestinationStream, type Logger as PinoLogger, pino, stdSerializers } from 'pino';

/** What the rest of the code logs with. `child({ job })` carries one job's id from the request to the last step. */
export type Logger = PinoLogger;

/**
 * JSON lines on standard error, so that standard output stays free for what a person asked for. Errors are logged once, where
 * they are handled. Neither secrets nor prompts are logged anywhere; should one reach the logger all the same, by a field of its
 * name or in a command that Redis refused, it is blotted out here.
 */
export function createLogger(options: {
  /** Which program speaks: `gateway`, `worker`, `engine`, `serve`. */
  readonly program: string;
  readonly level: string;
  readonly destination?: DestinationStream;
}): Logger {
  return pino(
    {
      level: options.level,
      base: { program: options.program, pid: process.pid },
      redact: { paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '[redacted]' },
      serializers: { err: serializeError },
    },
    // Synchronous: a program that is about to die has already said why.
    options.destination ?? pino.destination({ fd: 2, sync: true }),
  );
}

/** Names under which secrets and prompts travel in this code. */
const SECRET_FIELDS = [
  'authorization',
  'apiKey',
  'adminKey',
  'secret',
  'secrets',
  'redisUrl',
  'prompt',
  'negative_prompt',
];

/** An error of Redis carries its command with all that was to be written: jobs, and prompts in them. Its name is enough. */
function serializeError(error: Error): object {
  const { command, ...rest } = stdSerializers.err(error) as Readonly<Record<string, unknown>>;
  const name = typeof command === 'object' && command !== null && 'name' in command ? command.name : undefined;
  return { ...rest, ...(name !== undefined && { command: name }) };
}
