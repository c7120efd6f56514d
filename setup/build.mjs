/**
 * TypeScript to dist/, because Node 20 runs no TypeScript. A stamp beside the output holds the hash of everything that went in;
 * the compiler's own incremental file makes a rebuild short, the stamp makes a run without changes need no compiler at all.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './root.mjs';
import { runCommand } from './run-command.mjs';
import { say } from './say.mjs';

const STAMP = join(ROOT, 'dist/.built-from');
const SETTINGS = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];

export const build = { isDone, run };

function isDone() {
  return existsSync(STAMP) && readFileSync(STAMP, 'utf8') === hashOfSources();
}

async function run() {
  say('building dist/ with tsc');
  // Hashed before the compiler reads: a file that is edited meanwhile is then built again the next time.
  const hash = hashOfSources();
  await runCommand({
    program: process.execPath,
    args: [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'],
    doing: 'building',
    remedy: "mend what the compiler names ('npx tsc --noEmit' shows it again)",
  });
  mkdirSync(join(ROOT, 'dist'), { recursive: true });
  writeFileSync(STAMP, hash);
}

function hashOfSources() {
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => join('src', path));
  const hash = createHash('sha256');
  for (const path of [...SETTINGS, ...sources.sort()]) {
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(ROOT, path)))
      .update('\0');
  }
  return hash.digest('hex');
}
