/**
 * Runs one program of the set-up with its output held back, and shows a line of progress once it takes longer than two seconds.
 * A failure becomes a SetupProblem that quotes the output.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { ROOT } from './root.mjs';
import { say } from './say.mjs';
import { SetupProblem } from './setup-problem.mjs';

const FIRST_PROGRESS_MS = 2_000;
const NEXT_PROGRESS_MS = 5_000;
/** The cause stands in the first lines of what npm and the compiler say, and in the last ones of what apt says. */
const QUOTED_LINES = { first: 10, last: 5 };

/** The path of a program on PATH, or undefined. */
export function findProgram(name) {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

export function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Resolves with the program's stdout. `doing` names the work in progress lines ("installing 140 packages"), `howFar` may add a
 * measure to them, `remedy` says what to do where it fails.
 */
export async function runCommand({ program, args, doing, remedy, howFar = () => '', cwd = ROOT, env = {} }) {
  const started = Date.now();
  const progress = () => say(`  still ${doing}, ${Math.round((Date.now() - started) / 1000)} s ${howFar()}`.trimEnd());
  let again;
  const first = setTimeout(() => {
    progress();
    again = setInterval(progress, NEXT_PROGRESS_MS);
  }, FIRST_PROGRESS_MS);
  try {
    const { code, stdout, output } = await finished(program, args, { cwd, env });
    if (code === 0) return stdout;
    const command = [program, ...args].join(' ');
    throw new SetupProblem(`${doing} failed (${command}: exit ${code}):\n  | ${excerpt(output)}`, remedy);
  } finally {
    clearTimeout(first);
    clearInterval(again);
  }
}

function excerpt(output) {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const { first, last } = QUOTED_LINES;
  const shown = lines.length <= first + last ? lines : [...lines.slice(0, first), '...', ...lines.slice(-last)];
  return shown.join('\n  | ');
}

function finished(program, args, { cwd, env }) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    // An interrupted set-up gives its lock back as it exits, so nothing that it started may go on.
    const stop = () => child.kill();
    process.once('exit', stop);
    child.on('close', () => process.off('exit', stop));
    let stdout = '';
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    child.on('error', (error) => resolve({ code: error.code, stdout, output: `${output}${error.message}` }));
    child.on('close', (code, signal) => resolve({ code: code ?? signal, stdout, output }));
  });
}
