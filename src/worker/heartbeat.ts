import type { WorkerReport } from '../contract/worker-report.ts';
import { REPORT_LIFETIME_MS, type WorkerRegistry } from '../store/worker-registry.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Says again and again what the worker is doing, so that a gateway knows it as long as it lives and no longer. */
export interface Heartbeat {
  /** Says it now, because something has changed. Resolves once it has been said, or could not be. */
  beat(): Promise<void>;
  /** Takes the report back. */
  stop(): Promise<void>;
}

/** Three beats may be lost before the worker counts as gone. */
const INTERVAL_MS = REPORT_LIFETIME_MS / 4;

export function startHeartbeat(options: {
  readonly registry: WorkerRegistry;
  readonly workerId: string;
  readonly report: () => WorkerReport | undefined;
  readonly logger: Logger;
}): Heartbeat {
  // Reports go out one after another, so that an old one never overwrites a new one.
  let last: Promise<void> = Promise.resolve();
  const beat = () => {
    last = last
      .then(async () => {
        const report = options.report();
        if (report !== undefined) await options.registry.report(report);
      })
      .catch((error) => options.logger.warn({ err: error }, 'cannot report; the gateways lose sight of this worker'));
    return last;
  };
  void beat();
  const timer = setInterval(() => void beat(), INTERVAL_MS);
  return {
    beat,
    async stop() {
      clearInterval(timer);
      await last;
      await options.registry.withdraw(options.workerId);
    },
  };
}
