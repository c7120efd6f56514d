import type { MetricsBoard } from '../store/metrics-board.ts';
import type { WorkerRegistry } from '../store/worker-registry.ts';
import type { GatewayMetrics } from '../telemetry/gateway-metrics.ts';
import { type MetricsSnapshot, printSnapshots, takeSnapshot } from '../telemetry/metrics-snapshot.ts';

/**
 * Everything that is measured, as one page: the gateway's own, what its queues and workers are at this moment, and what every worker
 * and engine has left. Several gateways say the same of the service: take the largest of them, never the sum.
 */
export interface MetricsPage {
  /** In Prometheus' text format. Never throws: without Redis the page is shorter and says so. */
  print(): Promise<string>;
}

export interface MetricsPageParts {
  readonly metrics: GatewayMetrics;
  readonly board: MetricsBoard;
  readonly registry: WorkerRegistry;
  readonly countWebhooks: () => Promise<number>;
}

export function createMetricsPage(parts: MetricsPageParts): MetricsPage {
  const { metrics, board } = parts;
  return {
    async print() {
      let left: readonly MetricsSnapshot[] = [];
      try {
        left = await board.read();
        await look(parts);
        metrics.redisUp.set(1);
      } catch {
        // Whoever owns the connection has logged it.
        metrics.redisUp.set(0);
      }
      return await printSnapshots([await takeSnapshot(metrics.registry), ...left]);
    },
  };
}

/** Sets the gauges of what lies in Redis. */
async function look({ metrics, board, registry, countWebhooks }: MetricsPageParts): Promise<void> {
  const [reports, known, webhooks] = await Promise.all([registry.list(), registry.knownModels(), countWebhooks()]);
  metrics.webhooksWaiting.set(webhooks);
  metrics.workers.reset();
  for (const { model, device, state } of reports) metrics.workers.inc({ model, device, state });
  metrics.queueJobs.reset();
  metrics.queueOldestSeconds.reset();
  const models = new Set([...reports.map(({ model }) => model), ...known.map(({ id }) => id)]);
  for (const model of models) {
    const { waiting, running, oldestMs } = await board.measureQueue(model);
    metrics.queueJobs.set({ model, state: 'waiting' }, waiting);
    metrics.queueJobs.set({ model, state: 'running' }, running);
    metrics.queueOldestSeconds.set({ model }, oldestMs / 1000);
  }
}
