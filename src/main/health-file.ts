import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { Logger } from '../telemetry/logger.ts';

/**
 * A small file that says how a worker is, for whoever watches over its container: a worker has no door that could be asked. It is
 * written again and again, so that its age tells whether the worker's event loop still turns. It says nothing of Redis: a worker
 * that is started anew does not bring Redis back.
 */

const INTERVAL_MS = 2000;
/** As long as a worker's event loop may stand still on a machine that is busy beyond measure. */
export const STALE_MS = 30_000;

export interface HealthFile {
  set(state: string): void;
  /** Takes the file away. */
  close(): void;
}

export function startHealthFile(options: { readonly path: string; readonly logger: Logger }): HealthFile {
  const { path, logger } = options;
  let state = 'starting';
  // Synchronous: a few bytes, and never half of an older state beside half of a newer one.
  const write = () => {
    try {
      writeFileSync(path, state);
    } catch (error) {
      logger.warn({ err: error }, 'cannot write the health file; probes will take this worker for dead');
    }
  };
  write();
  const timer = setInterval(write, INTERVAL_MS);
  return {
    set(next) {
      state = next;
      write();
    },
    close() {
      clearInterval(timer);
      rmSync(path, { force: true });
    },
  };
}

/** What the file says; `dead` where there is none, or nobody has written it for `STALE_MS`. */
export function readHealthFile(path: string, now: number): string {
  try {
    return now - statSync(path).mtimeMs > STALE_MS ? 'dead' : readFileSync(path, 'utf8');
  } catch {
    return 'dead';
  }
}
