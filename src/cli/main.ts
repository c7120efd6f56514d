import { readFileSync } from 'node:fs';
import { parseSettings } from '../config/settings.ts';
import { problemDetails, ServiceError } from '../contract/errors.ts';
import { InputError } from '../core/problem.ts';
import { createLogger } from '../telemetry/logger.ts';
import { parseCommand, USAGE } from './arguments.ts';
import { runGenerate } from './generate.ts';
import { runPlan } from './plan.ts';
import { createProgress } from './progress.ts';

/** The program `overtone`: reads the environment and the command line, runs the command, and says how it ended by its exit code. */

const EXIT_FAILED = 1;
const EXIT_BAD_INPUT = 2;
/** As shells have it: 128 + SIGINT. */
const EXIT_INTERRUPTED = 130;

const abort = new AbortController();
process.once('SIGINT', () => abort.abort(new Error('interrupted')));

process.exitCode = await main();

async function main(): Promise<number> {
  try {
    const settings = parseSettings(process.env, []);
    const command = parseCommand(process.argv.slice(2), {
      checkpoint: settings.model,
      loras: settings.loras,
      readText: (path) => readFileSync(path, 'utf8'),
    });
    if (command.name === 'help') {
      process.stdout.write(USAGE);
      return 0;
    }
    const { device, threads } = settings;
    const result = (line: string) => process.stdout.write(`${line}\n`);
    if (command.name === 'plan') {
      await runPlan(command.arguments, { device, result });
      return 0;
    }
    const logger = createLogger({ program: 'overtone', level: settings.logLevel });
    const progress = createProgress({
      write: (line) => process.stderr.write(`${line}\n`),
      now: () => performance.now(),
    });
    await runGenerate(command.arguments, {
      device,
      threads,
      logger,
      output: { result, progress },
      signal: abort.signal,
    });
    return 0;
  } catch (error) {
    if (abort.signal.aborted) return EXIT_INTERRUPTED;
    return report(error);
  }
}

/** Says what went wrong: in sentences, and to a program that asked for JSON also in the problem details that every door sends. */
function report(error: unknown): number {
  const problem = problemDetails(error);
  if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify({ error: problem })}\n`);
  if (error instanceof InputError) {
    for (const { message } of error.problems) process.stderr.write(`overtone: ${message}\n`);
    return EXIT_BAD_INPUT;
  }
  const isExpected = error instanceof ServiceError;
  process.stderr.write(`overtone: ${isExpected ? error.message : error instanceof Error ? error.stack : error}\n`);
  return problem.status < 500 ? EXIT_BAD_INPUT : EXIT_FAILED;
}
