import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';

/** What the rest of the code logs with. `child({ job })` carries one job's id from the request to the last step. */
export type Logger = PinoLogger;

/**
 * JSON lines on standard error, so that standard output stays free for what a person asked for. Errors are logged once, where
 * they are handled.
 */
export function createLogger(options: {
  /** Which program speaks: `gateway`, `worker`, `engine`, `serve`. */
  readonly program: string;
  readonly level: string;
  readonly destination?: DestinationStream;
}): Logger {
  return pino(
    { level: options.level, base: { program: options.program, pid: process.pid } },
    // Synchronous: a program that is about to die has already said why.
    options.destination ?? pino.destination({ fd: 2, sync: true }),
  );
}
