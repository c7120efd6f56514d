import { readFileSync } from 'node:fs';
import { parseSettings, type Settings } from '../config/settings.ts';
import { problemDetails, ServiceError } from '../contract/errors.ts';
import { InputError } from '../core/problem.ts';
import { createLogger } from '../telemetry/logger.ts';
import { parseCommand, USAGE } from './arguments.ts';
import { EVALUATE_USAGE, parseEvaluateCommand } from './evaluate-arguments.ts';
import { runKeys } from './keys.ts';
import { PROFILE_USAGE, parseProfileCommand } from './profile-arguments.ts';
import { createProgress } from './progress.ts';
import { createProgressBar } from './progress-bar.ts';
import { runRecipe } from './recipe.ts';
import { parseReplayCommand, REPLAY_USAGE } from './replay-arguments.ts';
import type { Output } from './run-context.ts';
import { parseTuneCommand, TUNE_USAGE } from './tune-arguments.ts';

/**
 * One run of `overtone`: reads the environment and the command line, runs the command, and says how it ended by its exit code. What
 * needs a model is imported when it is asked for: `overtone keys` also runs where ONNX Runtime is not installed, as beside a gateway.
 */

const EXIT_FAILED = 1;
const EXIT_BAD_INPUT = 2;
/** As shells have it: 128 + SIGINT. */
const EXIT_INTERRUPTED = 130;

/** Where a run gets and leaves what is not its files. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether `err` is a screen, on which a line can be written over. */
  readonly isTerminal?: boolean;
  /** Aborted by SIGINT. */
  readonly signal: AbortSignal;
}

/** Resolves with the exit code; never rejects. */
export async function runCli(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const settings = parseSettings(terminal.env, []);
    const [word, ...rest] = argv;
    if (word === 'keys') {
      await runKeys(rest, { adminKey: settings.adminKey, out: terminal.out });
      return 0;
    }
    if (word === 'recipe') {
      await runRecipe(rest, terminal.out);
      return 0;
    }
    if (word === 'replay') return await replay(rest, settings, terminal);
    if (word === 'evaluate') return await evaluate(rest, settings, terminal);
    if (word === 'profile') return await profile(rest, settings, terminal);
    if (word === 'tune') return await tune(rest, settings, terminal);
    const command = parseCommand(argv, {
      checkpoint: settings.model,
      loras: settings.loras,
      readText: (path) => readFileSync(path, 'utf8'),
    });
    if (command.name === 'help') terminal.out(USAGE);
    else if (command.name === 'plan') {
      const { result } = outputTo(terminal);
      const { runPlan } = await import('./plan.ts');
      await runPlan(command.arguments, { device: settings.device, result });
    } else {
      const { runGenerate } = await import('./generate.ts');
      await runGenerate(command.arguments, contextOf(settings, terminal));
    }
    return 0;
  } catch (error) {
    if (terminal.signal.aborted) return EXIT_INTERRUPTED;
    return report(error, argv.includes('--json'), terminal);
  }
}

/** A command of its own line of flags. */
async function profile(argv: readonly string[], settings: Settings, terminal: Terminal): Promise<number> {
  const command = parseProfileCommand(argv, { checkpoint: settings.model, loras: settings.loras });
  if (command.name === 'help') terminal.out(PROFILE_USAGE);
  else {
    const { runProfile } = await import('./profile.ts');
    await runProfile(command.arguments, contextOf(settings, terminal));
  }
  return 0;
}

async function replay(argv: readonly string[], settings: Settings, terminal: Terminal): Promise<number> {
  const asked = parseReplayCommand(argv, { checkpoint: settings.model, loras: settings.loras });
  if (asked === undefined) {
    terminal.out(REPLAY_USAGE);
    return 0;
  }
  const { runReplay } = await import('./replay.ts');
  const { isSame } = await runReplay(asked, contextOf(settings, terminal));
  return isSame ? 0 : EXIT_FAILED;
}

async function evaluate(argv: readonly string[], settings: Settings, terminal: Terminal): Promise<number> {
  const command = parseEvaluateCommand(argv);
  if (command.name === 'help') {
    terminal.out(EVALUATE_USAGE);
    return 0;
  }
  const { runEvaluate } = await import('./evaluate.ts');
  const { visionUrl: url, visionKey: key } = settings;
  const now = () => performance.now();
  await runEvaluate(command.arguments, {
    ...contextOf(settings, terminal),
    vision: url === undefined ? undefined : { url, key },
    bar: createProgressBar({ write: terminal.err, now, isTerminal: terminal.isTerminal ?? false }),
    now,
    residentBytes: () => process.memoryUsage.rss(),
  });
  return 0;
}

async function tune(argv: readonly string[], settings: Settings, terminal: Terminal): Promise<number> {
  const command = parseTuneCommand(argv, { checkpoint: settings.model, loras: settings.loras });
  if (command.name === 'help') terminal.out(TUNE_USAGE);
  else {
    const { runTune } = await import('./tune.ts');
    await runTune(command.arguments, contextOf(settings, terminal));
  }
  return 0;
}

/** What the commands that run a model are given. */
function contextOf({ device, threads, logLevel }: Settings, terminal: Terminal) {
  const logger = createLogger({ program: 'overtone', level: logLevel });
  return { device, threads, logger, output: outputTo(terminal), signal: terminal.signal };
}

function outputTo({ out, err }: Terminal): Output {
  return {
    result: (line) => out(`${line}\n`),
    progress: createProgress({ write: (line) => err(`${line}\n`), now: () => performance.now() }),
  };
}

/** Says what went wrong: in sentences, and to a program that asked for JSON also in the problem details that every door sends. */
function report(error: unknown, asJson: boolean, { out, err }: Pick<Terminal, 'out' | 'err'>): number {
  const problem = problemDetails(error);
  if (asJson) out(`${JSON.stringify({ error: problem })}\n`);
  if (error instanceof InputError) {
    for (const { message } of error.problems) err(`overtone: ${message}\n`);
    return EXIT_BAD_INPUT;
  }
  const isExpected = error instanceof ServiceError;
  err(`overtone: ${isExpected ? error.message : error instanceof Error ? error.stack : error}\n`);
  return problem.status < 500 ? EXIT_BAD_INPUT : EXIT_FAILED;
}
