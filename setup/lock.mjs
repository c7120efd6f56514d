/**
 * One set-up at a time in this folder. The lock is a file that holds the process id of its owner; the lock of a process that no
 * longer runs is taken over.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { STATE } from './root.mjs';
import { say } from './say.mjs';

const LOCK = join(STATE, 'setup.lock');
const POLL_MS = 200;
/** Two that find the same dead lock may each remove what the other has just written; whoever is still named after this long has it. */
const TAKE_OVER_MS = 100;

/** Runs `work` while no other set-up of this folder runs; waits for its turn. */
export async function withLock(work) {
  await acquire();
  const release = () => {
    if (owner() === process.pid) rmSync(LOCK, { force: true });
  };
  // Node gives an interrupted process no chance to run `finally`, but `exit` listeners run once these handlers call exit.
  const interrupted = () => process.exit(130);
  process.on('exit', release);
  process.on('SIGINT', interrupted);
  process.on('SIGTERM', interrupted);
  try {
    return await work();
  } finally {
    release();
    process.off('exit', release);
    process.off('SIGINT', interrupted);
    process.off('SIGTERM', interrupted);
  }
}

async function acquire() {
  mkdirSync(STATE, { recursive: true });
  let announced = false;
  while (!tryCreate()) {
    const other = owner();
    if (other !== undefined && isSetup(other)) {
      if (!announced) say(`another set-up is at work here (process ${other}); waiting for it`);
      announced = true;
      await sleep(POLL_MS);
      continue;
    }
    rmSync(LOCK, { force: true });
    if (!tryCreate()) continue;
    await sleep(TAKE_OVER_MS);
    if (owner() === process.pid) return;
  }
}

function tryCreate() {
  try {
    writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** The process that the lock names; undefined where there is no lock or its owner has not written its id yet. */
function owner() {
  try {
    const pid = Number(readFileSync(LOCK, 'utf8'));
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Process ids are used again after a reboot: on Linux the command line tells whether it is one of us. */
function isSetup(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== 'EPERM') return false;
  }
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('setup.mjs');
  } catch {
    return process.platform !== 'linux';
  }
}
