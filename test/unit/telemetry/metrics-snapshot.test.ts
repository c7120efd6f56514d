import { expect, test } from 'vitest';
import { createEngineMetrics } from '../../../src/telemetry/engine-metrics.ts';
import { printSnapshots, takeSnapshot } from '../../../src/telemetry/metrics-snapshot.ts';

test('two processes with the same metrics become one page, each name once, each series its own', async () => {
  const snapshots = [];
  for (const rows of [3, 4]) {
    const { registry, unetRows, stepSeconds } = createEngineMetrics();
    unetRows.inc({ kind: 'full' }, rows);
    stepSeconds.observe({ method: 'merge' }, 0.02);
    const snapshot = await takeSnapshot(registry);
    const told = snapshot.map((metric) => ({
      ...metric,
      values: metric.values.map((value) => ({ ...value, labels: { ...value.labels, worker: `w${rows}` } })),
    }));
    // As it comes out of Redis.
    snapshots.push(JSON.parse(JSON.stringify(told)));
  }
  const page = await printSnapshots(snapshots);
  expect(page.match(/^# TYPE overtone_unet_rows_total counter$/gm)).toHaveLength(1);
  expect(page).toContain('overtone_unet_rows_total{kind="full",worker="w3"} 3\n');
  expect(page).toContain('overtone_unet_rows_total{kind="full",worker="w4"} 4\n');
  expect(page).toContain('overtone_step_seconds_bucket{le="0.03",method="merge",worker="w3"} 1\n');
  expect(page).toContain('overtone_step_seconds_count{method="merge",worker="w4"} 1\n');
});
