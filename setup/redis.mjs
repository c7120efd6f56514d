/**
 * The redis-server program. Found on PATH; else Debian's or Ubuntu's redis-tools package brings it: that package holds the server's
 * binary under the name redis-check-rdb (the redis-server package only adds a name, and a daemon on port 6379 that nobody asked
 * for). As root it is installed; without root it is downloaded with the libraries that this machine lacks and unpacked below
 * .overtone/redis. Whoever starts Redis looks on PATH first, then for .overtone/redis/redis-server.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { STATE } from './root.mjs';
import { findProgram, isExecutable, runCommand } from './run-command.mjs';
import { say } from './say.mjs';
import { SetupProblem } from './setup-problem.mjs';

const FOLDER = join(STATE, 'redis');
const PROGRAM = join(FOLDER, 'redis-server');
const UNPACKED = join(FOLDER, 'unpacked');
const APT = join(FOLDER, 'apt');

const BY_HAND =
  "install Redis 6.2 or newer so that 'redis-server' is on PATH (Debian, Ubuntu: 'sudo apt-get install redis-server'), or, for 'npm start', set REDIS_URL to one that runs";

export const redis = { isDone, run };

function isDone() {
  return findProgram('redis-server') !== undefined || (isExecutable(PROGRAM) && startsUp());
}

async function run() {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  const sameBinary = () => findProgram('redis-check-rdb');
  if (sameBinary() === undefined) {
    if (findProgram('apt-get') === undefined) {
      throw new SetupProblem('redis-server is not on PATH, and there is no apt-get here to fetch it with', BY_HAND);
    }
    await (process.getuid?.() === 0 ? install() : download());
  }
  const binary = sameBinary();
  if (binary !== undefined) symlinkSync(binary, PROGRAM);
  if (!isExecutable(PROGRAM) || !startsUp()) {
    throw new SetupProblem('the redis-tools package was fetched, but the redis-server in it does not start', BY_HAND);
  }
}

async function install() {
  say("installing Redis with apt-get (the package 'redis-tools': the program, and no daemon)");
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  await apt(['update'], 'reading the package lists', env);
  await apt(['install', '-y', '--no-install-recommends', 'redis-tools'], 'installing Redis', env);
}

/** apt's lists and archives go to a folder of our own, so that nothing here needs root; its simulation names what is missing. */
async function download() {
  say('fetching Redis with apt-get into .overtone/redis (no root here, so nothing is installed)');
  for (const folder of ['lists/partial', 'archives/partial']) mkdirSync(join(APT, folder), { recursive: true });
  const own = [`Dir::State::lists=${APT}/lists`, `Dir::Cache=${APT}`, 'Debug::NoLocking=1'].flatMap((o) => ['-o', o]);
  await apt([...own, 'update'], 'reading the package lists');
  const plan = await apt([...own, '-s', '--no-install-recommends', 'install', 'redis-tools'], 'planning');
  const names = [...plan.matchAll(/^Inst (\S+) /gm)].map((match) => match[1]);
  await apt([...own, 'download', ...names], 'downloading Redis', {}, FOLDER);
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.deb'))) {
    await runCommand({
      program: 'dpkg-deb',
      args: ['-x', join(FOLDER, file), UNPACKED],
      doing: 'unpacking Redis',
      remedy: BY_HAND,
    });
    rmSync(join(FOLDER, file));
  }
  rmSync(APT, { recursive: true, force: true });
  writeStarter();
}

/** The program decides by its name what it is, and finds the unpacked libraries through the environment: hence a small script. */
function writeStarter() {
  symlinkSync('redis-check-rdb', join(UNPACKED, 'usr/bin/redis-server'));
  const libraries = readdirSync(UNPACKED, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('-linux-gnu'))
    .map((path) => `$here/unpacked/${path}`);
  const script = [
    '#!/bin/sh',
    'here=$(dirname "$(readlink -f "$0")")',
    `LD_LIBRARY_PATH="${libraries.join(':')}" exec "$here/unpacked/usr/bin/redis-server" "$@"`,
    '',
  ];
  writeFileSync(PROGRAM, script.join('\n'), { mode: 0o755 });
}

function apt(args, doing, env = {}, cwd = undefined) {
  return runCommand({ program: 'apt-get', args, doing, remedy: BY_HAND, env, cwd });
}

function startsUp() {
  return spawnSync(PROGRAM, ['--version'], { stdio: 'ignore' }).status === 0;
}
