import { describeSettings, parseSettings, type Settings } from '../config/settings.ts';
import { InputError } from '../core/problem.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';

/** What a started program can be asked: to stop. */
export interface Running {
  close(): Promise<void>;
}

/** Beyond the drain, what closing connections may take before the program goes without. */
const CLOSE_MS = 10_000;

/**
 * The frame of every program: settings in, start, stop in order at SIGINT or SIGTERM, and out within a deadline. A second signal
 * ends it at once, and so does the death of a parent that has forked it.
 */
export async function runProgram(
  name: string,
  start: (settings: Settings, logger: Logger, fail: (error: Error) => void) => Promise<Running>,
): Promise<void> {
  const settings = readSettings(name);
  const logger = createLogger({ program: name, level: settings.logLevel });
  let running: Running | undefined;
  let isStopping = false;
  const stop = async (why: string) => {
    if (isStopping) process.exit(1);
    isStopping = true;
    logger.info({ why }, 'stopping');
    setTimeout(() => process.exit(1), settings.drainS * 1000 + CLOSE_MS).unref();
    try {
      await running?.close();
      process.exit(0);
    } catch (error) {
      logger.error({ err: error }, 'did not stop cleanly');
      process.exit(1);
    }
  };
  process.on('SIGINT', () => void stop('SIGINT'));
  process.on('SIGTERM', () => void stop('SIGTERM'));
  // Only where a parent has forked us. It was killed, and took Redis with it: there is nobody left to hand anything back to.
  process.on('disconnect', () => process.exit(1));
  const fail = (error: unknown) => {
    reportFailure(name, error, logger);
    process.exit(1);
  };
  try {
    running = await start(settings, logger, fail);
  } catch (error) {
    fail(error);
  }
}

function readSettings(name: string): Settings {
  const argv = process.argv.slice(2);
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(`${name}: settings by flag or by environment variable\n\n${describeSettings()}\n`);
    process.exit(0);
  }
  try {
    return parseSettings(process.env, argv);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    for (const { message } of error.problems) process.stderr.write(`${name}: ${message}\n`);
    process.stderr.write(`${name}: --help lists every setting\n`);
    process.exit(2);
  }
}

/** A person who gave a wrong setting gets sentences, not a stack trace. */
function reportFailure(name: string, error: unknown, logger: Logger): void {
  if (error instanceof InputError) {
    for (const { message } of error.problems) process.stderr.write(`${name}: ${message}\n`);
  } else {
    logger.fatal({ err: error }, 'cannot go on');
  }
}
