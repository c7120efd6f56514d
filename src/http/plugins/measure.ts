import type { FastifyInstance } from 'fastify';
import type { GatewayMetrics } from '../../telemetry/gateway-metrics.ts';

/** Counts and times every answer, by the pattern of its route, so that ids do not become labels. */
export function registerMeasure(app: FastifyInstance, metrics: GatewayMetrics): void {
  app.addHook('onResponse', async ({ method, routeOptions }, reply) => {
    const call = routeOptions.url === undefined ? 'none' : `${method} ${routeOptions.url.replace('::', ':')}`;
    metrics.calls.inc({ door: 'http', call, status: reply.statusCode });
    metrics.callSeconds.observe({ door: 'http', call }, reply.elapsedTime / 1000);
  });
}
