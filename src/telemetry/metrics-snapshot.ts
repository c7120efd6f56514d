import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue, type Registry } from 'prom-client';

/**
 * What a process has measured, as a value that crosses a process border: an engine hands its snapshot to its worker, a worker leaves
 * both in Redis, and a gateway prints them all as one page. Labels say which process a series is from.
 */
export type MetricsSnapshot = readonly MetricObjectWithValues<MetricValue<string>>[];

export async function takeSnapshot(registry: Registry): Promise<MetricsSnapshot> {
  return await registry.getMetricsAsJSON();
}

/** In Prometheus' text format, each name once. */
export async function printSnapshots(snapshots: readonly MetricsSnapshot[]): Promise<string> {
  // Its types ask for a registry's own lists; it reads them only.
  return await AggregatorRegistry.aggregate(snapshots as MetricObjectWithValues<MetricValue<string>>[][]).metrics();
}
