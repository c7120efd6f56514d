import type { FastifyInstance } from 'fastify';
import type { Health } from '../../service/health.ts';

/** 200 if a generation would be accepted and run now; 503 with what is missing, or how far loading has come. */
export function readyz(app: FastifyInstance, health: Health): void {
  app.get('/readyz', async (_request, reply) => {
    const readiness = await health.readiness();
    return reply.code(readiness.status === 'ready' ? 200 : 503).send(readiness);
  });
}
