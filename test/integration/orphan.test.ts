import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { environmentOf } from '../../src/config/settings.ts';
import { programPath } from '../../src/main/program-path.ts';
import { killProcess, processes } from '../support/processes.ts';
import { testSettings } from '../support/test-service.ts';

/** Forks a program and is gone before that has loaded its first file; says its pid. */
const PARENT = `
const { fork } = require('node:child_process');
const child = fork(process.argv[1], [], { detached: true, execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
process.stdout.write(String(child.pid), () => process.exit(0));
`;

test('a worker whose parent dies while it is still being loaded does not stay', async () => {
  const data = await mkdtemp(join(tmpdir(), 'overtone-orphan-'));
  const model = join(import.meta.dirname, '../golden/checkpoint');
  const settings = { ...testSettings(data), model, redisUrl: join(data, 'nobody.sock') };
  const env = { ...process.env, ...environmentOf(settings) };
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', PARENT, programPath('worker')], { env });
  const pid = Number(stdout);
  try {
    expect(pid).toBeGreaterThan(0);
    await expect.poll(() => processes().some((found) => found.pid === pid), { timeout: 20_000 }).toBe(false);
  } finally {
    killProcess(pid);
    await rm(data, { recursive: true, force: true });
  }
}, 30_000);
