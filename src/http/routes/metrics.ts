import type { FastifyInstance } from 'fastify';
import type { MetricsPage } from '../../service/metrics.ts';

/** What Prometheus reads: of this gateway, of all queues and of all workers. */
export function metricsPage(app: FastifyInstance, page: MetricsPage): void {
  app.get('/metrics', async (_request, reply) => {
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(await page.print());
  });
}
