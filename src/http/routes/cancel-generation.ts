import type { FastifyInstance } from 'fastify';
import type { Generations } from '../../service/generations.ts';
import { urlsOf } from '../urls.ts';

/** 202: it will not go on. 409 if it has finished. */
export function cancelGeneration(app: FastifyInstance, generations: Generations): void {
  app.post<{ Params: { id: string } }>('/v1/generations/:id/cancel', async ({ caller, params }, reply) => {
    const { status } = await generations.cancel(caller, params.id);
    return reply.code(202).send({ id: params.id, status, urls: urlsOf(params.id) });
  });
}
