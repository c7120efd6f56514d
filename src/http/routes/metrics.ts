import type { FastifyInstance, FastifySchema } from 'fastify';
import type { MetricsPage } from '../../service/metrics.ts';
import { text } from '../shapes/answer.ts';

/** What Prometheus reads: of this gateway, of all queues and of all workers. */
export function metricsPage(app: FastifyInstance, page: MetricsPage): void {
  app.get('/metrics', { schema: SCHEMA }, async (_request, reply) => {
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(await page.print());
  });
}

const SCHEMA: FastifySchema = {
  operationId: 'metrics',
  tags: ['service'],
  summary: 'What Prometheus reads',
  response: { 200: text('Of this gateway, of all queues and of all workers.', 'text/plain') },
};
