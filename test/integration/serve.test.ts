import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type FoundProcess, killProcess, processes, until } from '../support/processes.ts';

/** The programs as a person starts and stops them: what they say, how they end, and that nothing is left. */

const ROOT = join(import.meta.dirname, '../..');
const CHECKPOINT = join(ROOT, 'test/golden/checkpoint');

let data: string;

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'overtone-serve-'));
  seenBefore = [];
});

afterEach(async () => {
  // All of them at once, and not only the programs, so that what a failed test has left does not live on.
  for (const { pid } of ours()) killProcess(pid);
  await until('all are gone', () => ours().length === 0);
  await rm(data, { recursive: true, force: true });
});

/** Every process that was given this test's folder, in its arguments or through the environment of its parent. */
function ours(): readonly FoundProcess[] {
  const all = processes();
  const found = new Set(all.filter(({ command }) => command.includes(data)).map(({ pid }) => pid));
  for (let size = -1; size !== found.size; ) {
    size = found.size;
    for (const { pid, parent } of all) if (found.has(parent)) found.add(pid);
  }
  for (const { pid } of seenBefore) found.add(pid);
  seenBefore = all.filter(({ pid }) => found.has(pid));
  return seenBefore;
}

/** A child whose parent was killed has another parent: it is remembered from before. */
let seenBefore: readonly FoundProcess[] = [];

interface Program {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly exit: Promise<number | null>;
}

function start(program: string, args: readonly string[], env: Record<string, string> = {}): Program {
  const child = spawn(process.execPath, [join(ROOT, `dist/main/${program}.js`), ...args], {
    cwd: data,
    env: { ...process.env, OVERTONE_THREADS: '1', OVERTONE_PROFILES: 'off', OVERTONE_LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  for (const output of [child.stdout, child.stderr]) output?.on('data', (text) => (out += text));
  return { child, out: () => out, exit: new Promise((resolve) => child.once('exit', resolve)) };
}

function serve(...args: string[]): Program {
  return start('serve', ['--data', data, '--model', CHECKPOINT, '--http-port', '0', '--grpc-port', '0', ...args]);
}

const isReady = (program: Program) => until('it is ready', () => program.out().includes('Overtone is ready'), 60_000);

test('the curl line that is printed works when pasted', async () => {
  const program = serve();
  await isReady(program);
  const line = /^ {2}(curl .*)$/m.exec(program.out())?.[1] ?? '';
  // The checkpoint's own size and steps, but no longer than a test should take.
  const answer = runShell(line.replace('"prompt"', '"steps":2,"prompt"'));
  expect(JSON.parse(await answer)).toMatchObject({ status: 'completed' });
  program.child.kill('SIGINT');
  expect(await program.exit).toBe(0);
});

test.each(['SIGINT', 'SIGTERM'] as const)('%s ends everything in order, and nothing is left', async (signal) => {
  const program = serve();
  await isReady(program);
  expect(ours().length).toBeGreaterThanOrEqual(4);
  program.child.kill(signal);
  expect(await program.exit).toBe(0);
  expect(ours()).toEqual([]);
});

test('SIGKILL, which nobody can answer, leaves nothing either', async () => {
  const program = serve();
  await isReady(program);
  expect(ours().length).toBeGreaterThanOrEqual(4);
  program.child.kill('SIGKILL');
  await until('worker, engine and Redis are gone', () => ours().length === 0, 15_000);
});

test('SIGKILL while the model loads leaves nothing either', async () => {
  const program = serve();
  await until('it is loading', () => program.out().includes('loading'));
  ours();
  program.child.kill('SIGKILL');
  await until('worker, engine and Redis are gone', () => ours().length === 0, 15_000);
});

test('a stop in mid-job loses nothing: the next start runs it again', async () => {
  const first = serve('--drain', '0');
  await isReady(first);
  const url = /HTTP {2}(\S+)/.exec(first.out())?.[1] ?? '';
  const request = { prompt: 'a mill', steps: 150, width: 64, height: 64 };
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/v1/generations`, { method: 'POST', headers, body: JSON.stringify(request) });
  const { id } = (await response.json()) as { id: string };
  const statusAt = async (base: string) => {
    const generation = (await (await fetch(`${base}/v1/generations/${id}`)).json()) as Record<string, unknown>;
    return { status: generation.status, attempt: generation.attempt };
  };
  await until('it runs', async () => (await statusAt(url)).status === 'running');
  first.child.kill('SIGTERM');
  expect(await first.exit).toBe(0);

  const second = serve();
  await isReady(second);
  const again = /HTTP {2}(\S+)/.exec(second.out())?.[1] ?? '';
  await until('it has finished', async () => (await statusAt(again)).status === 'completed', 60_000);
  expect((await statusAt(again)).attempt).toBe(2);
  second.child.kill('SIGTERM');
  expect(await second.exit).toBe(0);
});

test('SIGINT while the model loads ends it at once', async () => {
  const program = serve();
  await until('it is loading', () => program.out().includes('loading'));
  const start = Date.now();
  program.child.kill('SIGINT');
  expect(await program.exit).toBe(0);
  expect(Date.now() - start).toBeLessThan(3000);
  expect(ours()).toEqual([]);
});

test('a port that is taken is said in words, and nothing is left', async () => {
  const first = serve();
  await isReady(first);
  const [, port = ''] = /HTTP {2}http:\/\/127.0.0.1:(\d+)/.exec(first.out()) ?? [];
  for (const flag of ['--http-port', '--grpc-port']) {
    const own = join(data, flag);
    const second = start('serve', [
      '--data',
      own,
      '--model',
      CHECKPOINT,
      '--http-port',
      '0',
      '--grpc-port',
      '0',
      flag,
      port,
    ]);
    expect(await second.exit).toBe(1);
    expect(second.out()).toContain(`(or ${flag}) is ${port}; cannot listen there`);
    expect(ours().filter(({ command }) => command.includes(own))).toEqual([]);
  }
});

test('a second service on the same folder is refused in words', async () => {
  const first = serve();
  await isReady(first);
  const second = serve();
  expect(await second.exit).toBe(1);
  expect(second.out()).toContain('another Overtone is running');
});

test('a checkpoint that cannot be served ends it with the reason', async () => {
  const program = start('serve', ['--data', data, '--model', data, '--http-port', '0', '--grpc-port', '0']);
  expect(await program.exit).toBe(1);
  expect(program.out()).toContain('model_index.json');
  // A program that gives up does not wait for its children; they see that it is gone.
  await until('its children are gone', () => ours().length === 0, 15_000);
});

test('wrong settings are answered at once and all together, with no stack', async () => {
  const program = start('gateway', ['--http-port', 'x', '--colour', 'red']);
  expect(await program.exit).toBe(2);
  expect(program.out()).toContain("--http-port is 'x'");
  expect(program.out()).toContain('--colour is not an option');
  expect(program.out()).not.toContain('    at ');
});

test.each(['gateway', 'worker'])('a %s without Redis says which setting is missing', async (name) => {
  const program = start(name, [], { REDIS_URL: '', OVERTONE_MODEL: CHECKPOINT });
  expect(await program.exit).toBe(1);
  expect(program.out()).toContain('REDIS_URL (or --redis) is missing');
});

function runShell(command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (text) => (out += text));
    child.once('error', reject);
    child.once('close', () => resolve(out));
  });
}
