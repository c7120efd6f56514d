import { describeSettings, parseSettings, type Settings } from '../config/settings.ts';
import { ServiceError } from '../contract/errors.ts';
import { InputError } from '../core/problem.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';
import { settleHeap } from './settle-heap.ts';

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
export function runProgram(
  name: string,
  start: (settings: Settings, logger: Logger, fail: (error: unknown) => void) => Promise<Running>,
): void {
  const settings = readSettings(name);
  const logger = createLogger({ program: name, level: settings.logLevel });
  let starting: Promise<Running> | undefined;
  let isStopping = false;

  const stop = async (exitCode: number) => {
    isStopping = true;
    setTimeout(() => process.exit(1), settings.drainS * 1000 + CLOSE_MS).unref();
    try {
      // What is half started is closed when it has started; what failed to start has closed itself.
      const running = await starting?.catch(() => undefined);
      await running?.close();
      process.exit(exitCode);
    } catch (error) {
      logger.error({ err: error }, 'did not stop cleanly');
      process.exit(1);
    }
  };
  const onSignal = (signal: NodeJS.Signals) => {
    if (isStopping) process.exit(1);
    logger.info({ signal }, 'stopping');
    void stop(0);
  };
  const fail = (error: unknown) => {
    if (isStopping) return;
    reportFailure(name, error, logger);
    void stop(1);
  };

  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  // Only where a parent has forked us. It was killed, and took Redis with it: there is nobody left to hand anything back to.
  process.on('disconnect', () => process.exit(1));
  // A parent that was killed while this program was still being loaded has closed the channel before anybody listened.
  if (process.connected === false) process.exit(1);
  settleHeap();
  starting = start(settings, logger, fail);
  starting.catch(fail);
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
  } else if (error instanceof ServiceError) {
    process.stderr.write(`${name}: ${error.message}\n`);
  } else {
    logger.fatal({ err: error }, 'cannot go on');
  }
}
