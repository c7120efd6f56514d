import { fork } from 'node:child_process';
import { join } from 'node:path';
import { environmentOf, type Settings } from '../../src/config/settings.ts';

const PROGRAM = join(import.meta.dirname, '../../dist/main/worker.js');

/** The worker's program as a child, from dist/. Nothing starts it again. */
export interface StartedWorker {
  readonly pid: number;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

/** Resolves when its engine is ready. `env` is laid over what the settings say. */
export async function startWorkerProgram(settings: Settings, env: Record<string, string> = {}): Promise<StartedWorker> {
  const child = fork(PROGRAM, [], {
    env: { ...process.env, ...environmentOf(settings), ...env },
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    child.on('message', (state: { kind: string }) => state.kind === 'ready' && resolve());
    child.once('exit', () => reject(new Error('the worker ended before it was ready')));
  });
  return {
    pid: child.pid ?? 0,
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}
