import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createEngineMetrics } from '../../../src/telemetry/engine-metrics.ts';
import { createGatewayMetrics } from '../../../src/telemetry/gateway-metrics.ts';
import { createWorkerMetrics } from '../../../src/telemetry/worker-metrics.ts';

const REGISTRIES = [createGatewayMetrics(), createWorkerMetrics(), createEngineMetrics()].map(
  ({ registry }) => registry,
);

const exported = new Set(
  REGISTRIES.flatMap((registry) => registry.getMetricsAsArray()).flatMap(({ name, type }) =>
    String(type) === 'histogram' ? ['_bucket', '_sum', '_count'].map((suffix) => name + suffix) : [name],
  ),
);

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}

const dashboard: Dashboard = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../deploy/grafana/overtone.json'), 'utf8'),
);

test('the dashboard asks for metrics that exist, and for nothing else', () => {
  const asked = dashboard.panels.flatMap(({ title, targets }) =>
    targets.flatMap(({ expr }) => [...expr.matchAll(/overtone_\w+/g)].map(([name]) => ({ title, name }))),
  );
  expect(asked.length).toBeGreaterThan(15);
  expect(asked.filter(({ name }) => !exported.has(name))).toEqual([]);
});

test('the alerts ask for metrics that exist, and for nothing else', () => {
  const alerts = readFileSync(join(import.meta.dirname, '../../../deploy/prometheus/alerts.yaml'), 'utf8');
  const asked = [...alerts.matchAll(/overtone_\w+/g)].map(([name]) => name);
  expect(asked.length).toBeGreaterThan(5);
  expect(asked.filter((name) => !exported.has(name))).toEqual([]);
});

test('every metric is on the dashboard', () => {
  const text = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)).join(' ');
  const names = REGISTRIES.flatMap((registry) => registry.getMetricsAsArray()).map(({ name }) => name);
  expect([...new Set(names)].filter((name) => !text.includes(name)).sort()).toEqual(['overtone_live_jobs']);
});

test('a name ends in its unit, or in total, or counts what it names', () => {
  const counting = ['jobs', 'workers', 'waiting', 'up'];
  const names = REGISTRIES.flatMap((registry) => registry.getMetricsAsArray()).map(({ name }) => name);
  const odd = names.filter((name) => !/_(seconds|bytes|total)$/.test(name));
  expect(odd.filter((name) => !counting.some((noun) => name.endsWith(noun)))).toEqual([]);
});
