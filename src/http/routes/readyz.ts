import type { FastifyInstance, FastifySchema } from 'fastify';
import type { Health } from '../../service/health.ts';
import { json } from '../shapes/answer.ts';
import { READINESS } from '../shapes/service.ts';

/** 200 if a generation would be accepted and run now; 503 with what is missing, or how far loading has come. */
export function readyz(app: FastifyInstance, health: Health): void {
  app.get('/readyz', { schema: SCHEMA }, async (_request, reply) => {
    const readiness = await health.readiness();
    return reply.code(readiness.status === 'ready' ? 200 : 503).send(readiness);
  });
}

const SCHEMA: FastifySchema = {
  operationId: 'readyz',
  tags: ['service'],
  summary: 'Would a generation run now?',
  response: {
    200: json('It would.', READINESS.ref),
    503: json('It would not, and why.', READINESS.ref),
  },
};
