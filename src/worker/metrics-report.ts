import type { MetricsBoard } from '../store/metrics-board.ts';
import { REPORT_LIFETIME_MS } from '../store/worker-registry.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type MetricsSnapshot, takeSnapshot } from '../telemetry/metrics-snapshot.ts';
import type { WorkerMetrics } from '../telemetry/worker-metrics.ts';

/** Leaves what a worker and its engine have measured where gateways find it, again and again. */
export interface MetricsReport {
  /** What the engine has said last; undefined once it is gone. */
  setEngine(snapshot: MetricsSnapshot | undefined): void;
  close(): void;
}

const INTERVAL_MS = REPORT_LIFETIME_MS / 4;

export function startMetricsReport(options: {
  readonly board: MetricsBoard;
  readonly workerId: string;
  readonly metrics: WorkerMetrics;
  readonly labels: Readonly<Record<string, string>>;
  readonly logger: Logger;
}): MetricsReport {
  const { board, workerId, metrics, labels, logger } = options;
  let engine: MetricsSnapshot = [];
  const leave = async () => {
    const own = await takeSnapshot(metrics.registry);
    await board.leave(workerId, [withLabels(own, labels), withLabels(engine, labels)]);
  };
  const timer = setInterval(() => {
    leave().catch((error) => logger.debug({ err: error }, 'cannot leave metrics'));
  }, INTERVAL_MS);
  return {
    setEngine(snapshot) {
      engine = snapshot ?? [];
    },
    close: () => clearInterval(timer),
  };
}

function withLabels(snapshot: MetricsSnapshot, labels: Readonly<Record<string, string>>): MetricsSnapshot {
  return snapshot.map((metric) => ({
    ...metric,
    values: metric.values.map((value) => ({ ...value, labels: { ...value.labels, ...labels } })),
  }));
}
