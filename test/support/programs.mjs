/**
 * Overtone's programs as child processes of a script: started from dist/, started again whenever they die, killed by pid, and measured
 * in /proc. For Linux.
 */
import { fork } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { environmentOf } from '../../dist/config/settings.js';

const PROGRAMS = join(import.meta.dirname, '../../dist/main');
const RESTART_MS = 200;
const STOP_MS = 15_000;
/** USER_HZ: /proc counts processor time in these, on every Linux that runs Node. */
const TICKS_A_SECOND = 100;

/** Runs `gateway` or `worker` until `stop`, and counts its starts. Whatever it says comes to standard error. */
export function keepRunning(name, settings, execArgv = []) {
  let isStopping = false;
  let child;
  const program = { starts: 0, pid: () => child.pid, kill: () => child.kill('SIGKILL'), stop };
  const launch = () => {
    program.starts += 1;
    child = fork(join(PROGRAMS, `${name}.js`), [], {
      env: { ...process.env, ...environmentOf(settings) },
      execArgv,
      stdio: ['ignore', 2, 2, 'ipc'],
    });
    child.once('exit', () => {
      if (!isStopping) setTimeout(() => isStopping || launch(), RESTART_MS);
    });
  };
  async function stop() {
    isStopping = true;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await gone;
    clearTimeout(timer);
  }
  launch();
  return program;
}

/** The engine child of a worker; undefined while it has none. */
export function engineOf(workerPid) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .find((pid) => parentOf(pid) === workerPid && textOf(`/proc/${pid}/cmdline`).includes('/main/engine.js'));
}

function parentOf(pid) {
  return Number(statOf(pid)[1]);
}

/** From the third field on: state, parent, ... The second, the name, may hold anything. */
function statOf(pid) {
  const stat = textOf(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Processor time of a process since its start, in seconds. */
export function cpuSeconds(pid) {
  const [user, system] = statOf(pid).slice(11, 13);
  return (Number(user) + Number(system)) / TICKS_A_SECOND;
}

/** Resident memory in MiB; undefined where the process is not there. */
export function residentMib(pid) {
  const [, kib] = /^VmRSS:\s+(\d+)/m.exec(textOf(`/proc/${pid}/status`)) ?? [];
  return kib === undefined ? undefined : Number(kib) / 1024;
}

function textOf(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** A port of the loopback address that was free a moment ago. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function until(what, condition, withinMs = 60_000) {
  const deadline = Date.now() + withinMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms`);
    await delay(50);
  }
}

export async function isReady(httpUrl) {
  try {
    return (await fetch(`${httpUrl}/readyz`)).status === 200;
  } catch {
    return false;
  }
}
