/** The program `overtone`. */
import { runCli } from './run.ts';

const abort = new AbortController();
process.once('SIGINT', () => abort.abort(new Error('interrupted')));

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  isTerminal: process.stderr.isTTY,
  signal: abort.signal,
});
