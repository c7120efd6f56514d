import { readFileSync } from 'node:fs';
import { parseSettings, type Settings } from '../config/settings.ts';
import { problemDetails, ServiceError } from '../contract/errors.ts';
import { InputError } from '../core/problem.ts';
import { createLogger } from '../telemetry/logger.ts';
import { parseCommand, USAGE } from './arguments.ts';
import { runGenerate } from './generate.ts';
import { runPlan } from './plan.ts';
import { runProfile } from './profile.ts';
import { PROFILE_USAGE, parseProfileCommand } from './profile-arguments.ts';
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
    const [word, ...rest] = process.argv.slice(2);
    if (word === 'profile') return await profile(rest, settings);
    const command = parseCommand(process.argv.slice(2), {
      checkpoint: settings.model,
      loras: settings.loras,
      readText: (path) => readFileSync(path, 'utf8'),
    });
    if (command.name === 'help') {
      process.stdout.write(USAGE);
      return 0;
    }
    if (command.name === 'plan') {
      await runPlan(command.arguments, { device: settings.device, result });
      return 0;
    }
    await runGenerate(command.arguments, contextOf(settings));
    return 0;
  } catch (error) {
    if (abort.signal.aborted) return EXIT_INTERRUPTED;
    return report(error);
  }
}

/** A command of its own line of flags. */
async function profile(argv: readonly string[], settings: Settings): Promise<number> {
  const command = parseProfileCommand(argv, { checkpoint: settings.model, loras: settings.loras });
  if (command.name === 'help') process.stdout.write(PROFILE_USAGE);
  else await runProfile(command.arguments, contextOf(settings));
  return 0;
}

function result(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** What the commands that run a model are given. */
function contextOf({ device, threads, logLevel }: Settings) {
  const progress = createProgress({
    write: (line) => process.stderr.write(`${line}\n`),
    now: () => performance.now(),
  });
  const logger = createLogger({ program: 'overtone', level: logLevel });
  return { device, threads, logger, output: { result, progress }, signal: abort.signal };
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
