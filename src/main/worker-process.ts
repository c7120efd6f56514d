import { type ChildProcess, fork } from 'node:child_process';
import { environmentOf, type Settings } from '../config/settings.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { EngineState } from '../worker/engine-process.ts';
import type { Running } from './program.ts';
import { programPath } from './program-path.ts';

/**
 * The worker's program as a child, started again when it dies, except where its checkpoint cannot be served. It ends by itself when
 * this process is gone.
 */
export interface WorkerProcess extends Running {
  readonly pid: () => number | undefined;
}

const RESTART_MS = 500;
/** Beyond the drain, what the worker may take to stop its engine and close its connections. */
const CLOSE_MS = 8000;

export function startWorkerProcess(options: {
  readonly settings: Settings;
  readonly onState: (state: EngineState) => void;
  readonly logger: Logger;
}): WorkerProcess {
  const { settings, onState, logger } = options;
  let isClosing = false;
  let isRefused = false;
  let child = launch();

  function launch(): ChildProcess {
    const started = fork(programPath('worker'), [], {
      env: { ...process.env, ...environmentOf(settings) },
      execArgv: [],
      // Ctrl-C in a terminal reaches this process alone, which stops everything in order.
      detached: true,
      stdio: ['ignore', 2, 2, 'ipc'],
    });
    started.on('message', (state: EngineState) => {
      isRefused = state.kind === 'refused';
      onState(state);
    });
    started.once('exit', (code, signal) => {
      if (isClosing || isRefused) return;
      logger.error({ code, signal }, 'the worker died; starting it again');
      setTimeout(() => {
        if (!isClosing) child = launch();
      }, RESTART_MS);
    });
    return started;
  }

  return {
    pid: () => child.pid,
    async close() {
      isClosing = true;
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), settings.drainS * 1000 + CLOSE_MS);
      await gone;
      clearTimeout(timer);
    },
  };
}
