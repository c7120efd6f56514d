import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

/**
 * The set-up in a folder of its own: a copy of setup.mjs beside a small project, with tools on PATH that only pretend, so that every
 * branch can be seen without a package registry. The real thing runs at the start of `npm test` and `npm run demo`.
 */

const ROOT = join(import.meta.dirname, '../..');
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

let project: string;
let tools: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'overtone-setup-'));
  chmodSync(folder, 0o777);
  project = join(folder, 'project');
  tools = join(folder, 'tools');
  for (const path of [project, tools, join(project, 'src')]) mkdirSync(path, { mode: 0o777 });
  for (const path of [project, join(project, 'src')]) chmodSync(path, 0o777);
  cpSync(join(ROOT, 'setup.mjs'), join(project, 'setup.mjs'));
  cpSync(join(ROOT, 'setup'), join(project, 'setup'), { recursive: true });
  for (const name of ['tsconfig.json', 'tsconfig.build.json']) write(name, '{}');
  write('package-lock.json', JSON.stringify({ packages: { '': {}, 'node_modules/typescript': { version: '1.0.0' } } }));
  write('src/main.ts', 'export {};');
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(join(project, '..'), { recursive: true, force: true });
});

function write(path: string, text: string): void {
  writeFileSync(join(project, path), text);
}

/** A tool on PATH, and the only ones besides are the shell and what its own lines name. */
function tool(name: string, script: string): void {
  writeFileSync(join(tools, name), `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`, { mode: 0o755 });
}

/** An npm that "installs" the compiler, which notes each run in `builds`. */
const NPM = [
  'echo run >> npm-runs',
  'mkdir -p node_modules/typescript/bin',
  `echo "require('fs').appendFileSync('builds', 'run' + require('os').EOL)" > node_modules/typescript/bin/tsc`,
  `echo '{"packages":{"node_modules/typescript":{"version":"1.0.0"}}}' > node_modules/.package-lock.json`,
].join('\n');

interface Outcome {
  readonly code: number | null;
  readonly said: string;
}

function setUp(
  options: { args?: readonly string[]; env?: Record<string, string>; uid?: number } = {},
): Promise<Outcome> {
  const { args = [], env = {}, uid } = options;
  const child = spawn(process.execPath, [join(project, 'setup.mjs'), ...args], {
    cwd: project,
    env: { PATH: tools, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  children.push(child);
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, said })));
}

/** False also for a process that has ended and that nobody has collected: its command line is empty. */
function isRunning(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`).length > 0;
  } catch {
    return false;
  }
}

function runsOf(log: string): number {
  const path = join(project, log);
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').length - 1 : 0;
}

test('the first run installs and builds, the second does nothing and says nothing', async () => {
  tool('npm', NPM);
  tool('redis-server', '');
  const first = await setUp();
  expect(first).toMatchObject({ code: 0 });
  expect(first.said).toContain("installing 1 packages with 'npm ci'");
  expect(first.said).toContain('building dist/');
  expect(await setUp()).toEqual({ code: 0, said: '' });
  expect([runsOf('npm-runs'), runsOf('builds')]).toEqual([1, 1]);
});

test('a changed source is built again, a changed lock file is installed again', async () => {
  tool('npm', NPM);
  tool('redis-server', '');
  await setUp();
  write('src/main.ts', 'export const changed = true;');
  await setUp();
  expect([runsOf('npm-runs'), runsOf('builds')]).toEqual([1, 2]);
  const version = JSON.stringify({ packages: { 'node_modules/typescript': { version: '2.0.0' } } });
  write('package-lock.json', version);
  await setUp();
  expect(runsOf('npm-runs')).toBe(2);
});

test('without npm it says so and what to type', async () => {
  const { code, said } = await setUp();
  expect(code).toBe(1);
  expect(said).toContain('npm is not on PATH');
  expect(said).toContain("'apt-get install npm'");
});

test('an npm that fails is quoted', async () => {
  tool('npm', 'echo "npm error network unreachable" >&2; exit 7');
  const { code, said } = await setUp();
  expect(code).toBe(1);
  expect(said).toContain('exit 7');
  expect(said).toContain('| npm error network unreachable');
  expect(said).toContain("type 'npm ping'");
});

test('without Redis and without apt-get it says what to install', async () => {
  tool('npm', NPM);
  const { code, said } = await setUp();
  expect(code).toBe(1);
  expect(said).toContain('redis-server is not on PATH, and there is no apt-get here');
  expect(said).toContain("'sudo apt-get install redis-server'");
});

test('REDIS_URL stands in for Redis when serving, but not for the demo, which starts its own', async () => {
  tool('npm', NPM);
  const env = { REDIS_URL: 'redis://127.0.0.1:1' };
  expect(await setUp({ env, args: ['--for', 'serve'] })).toMatchObject({ code: 0 });
  expect(await setUp({ env, args: ['--for', 'demo'] })).toMatchObject({ code: 1 });
});

test('redis-tools alone is enough: its redis-check-rdb is the same program', async () => {
  tool('npm', NPM);
  tool('redis-check-rdb', 'exit 0');
  expect(await setUp()).toMatchObject({ code: 0 });
  expect(existsSync(join(project, '.overtone/redis/redis-server'))).toBe(true);
});

test.runIf(isRoot)('as root Redis is installed with apt-get, without the package that starts a daemon', async () => {
  tool('npm', NPM);
  tool(
    'apt-get',
    `echo "$@" >> apt-runs; [ "$1" = update ] || printf '#!/bin/sh\\n' > ${tools}/redis-check-rdb; chmod -f +x ${tools}/redis-check-rdb; exit 0`,
  );
  expect(await setUp()).toMatchObject({ code: 0 });
  expect(readFileSync(join(project, 'apt-runs'), 'utf8')).toBe(
    'update\ninstall -y --no-install-recommends redis-tools\n',
  );
});

test('without root Redis is downloaded and unpacked below .overtone, and started with its own libraries', async () => {
  tool('npm', NPM);
  tool(
    'apt-get',
    [
      'for word; do :; done',
      'case "$*" in',
      '*" -s "*) echo "Inst libjemalloc2 (1 Debian)"; echo "Inst redis-tools (2 Debian)"; echo "Conf redis-tools" ;;',
      '*" download "*) touch libjemalloc2.deb redis-tools.deb; echo "$*" | sed "s/.* download /download /" >> ../../apt-runs ;;',
      'esac',
    ].join('\n'),
  );
  tool(
    'dpkg-deb',
    [
      'mkdir -p "$3/usr/bin" "$3/usr/lib/x86_64-linux-gnu"',
      `printf '#!/bin/sh\\necho "$LD_LIBRARY_PATH" > %s/libraries\\n' "$PWD" > "$3/usr/bin/redis-check-rdb"`,
      'chmod +x "$3/usr/bin/redis-check-rdb"',
    ].join('\n'),
  );
  // The starter script that is written needs these two, as every Debian has them.
  for (const name of ['dirname', 'readlink']) tool(name, `exec /usr/bin/${name} "$@"`);
  const outcome = await setUp(isRoot ? { uid: NOBODY } : {});
  expect(outcome.said).toContain('fetching Redis with apt-get into .overtone/redis');
  expect(outcome).toMatchObject({ code: 0 });
  expect(readFileSync(join(project, 'apt-runs'), 'utf8')).toBe('download libjemalloc2 redis-tools\n');
  expect(readFileSync(join(project, 'libraries'), 'utf8')).toMatch(/redis\/unpacked\/usr\/lib\/x86_64-linux-gnu\n$/);
});

test('a compiler that complains is quoted and leaves the build to be done', async () => {
  tool('npm', `${NPM}\necho "console.log('src/main.ts: wrong'); process.exit(2)" > node_modules/typescript/bin/tsc`);
  tool('redis-server', '');
  for (const _ of [1, 2]) {
    const { code, said } = await setUp();
    expect(code).toBe(1);
    expect(said).toContain('| src/main.ts: wrong');
  }
});

test('two at once take turns: the second waits and finds everything done', async () => {
  tool('npm', `sleep 1\n${NPM}`);
  tool('redis-server', '');
  const outcomes = await Promise.all([setUp(), setUp()]);
  expect(outcomes.map(({ code }) => code)).toEqual([0, 0]);
  expect(outcomes.filter(({ said }) => said.includes('another set-up is at work here'))).toHaveLength(1);
  expect([runsOf('npm-runs'), runsOf('builds')]).toEqual([1, 1]);
  expect(existsSync(join(project, '.overtone/setup.lock'))).toBe(false);
});

test('the lock of a process that is no more is taken over', async () => {
  tool('npm', NPM);
  tool('redis-server', '');
  mkdirSync(join(project, '.overtone'));
  write('.overtone/setup.lock', '4194304999');
  expect(await setUp()).toMatchObject({ code: 0 });
});

test('a set-up that is interrupted ends what it started and gives its lock back', async () => {
  tool('npm', 'echo $$ > npm-pid; touch started; exec sleep 30');
  const running = setUp();
  await expect.poll(() => existsSync(join(project, 'started'))).toBe(true);
  children.at(-1)?.kill('SIGTERM');
  expect((await running).code).toBe(130);
  const npm = Number(readFileSync(join(project, 'npm-pid'), 'utf8'));
  await expect.poll(() => isRunning(npm)).toBe(false);
  expect(existsSync(join(project, '.overtone/setup.lock'))).toBe(false);
});

test('what takes longer than two seconds shows that it goes on', async () => {
  tool('npm', `sleep 2.5\n${NPM}`);
  tool('redis-server', '');
  expect((await setUp()).said).toMatch(/still installing packages, 2 s \(0 of at most 1\)/);
});

test('an option that it does not know is answered with those that it knows', async () => {
  expect(await setUp({ args: ['--for', 'fun'] })).toEqual({
    code: 1,
    said: "set-up: cannot go on: the set-up does not know '--for fun'\nset-up: what to do:    node setup.mjs --for serve|demo|test\n",
  });
});
