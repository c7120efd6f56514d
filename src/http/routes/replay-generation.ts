import type { FastifyInstance } from 'fastify';
import type { Generations } from '../../service/generations.ts';
import { urlsOf } from '../urls.ts';

/** 202: the same recipe again, as a new generation whose files are the same. */
export function replayGeneration(app: FastifyInstance, generations: Generations): void {
  app.post<{ Params: { id: string } }>('/v1/generations/:id/replay', async ({ caller, params, headers }, reply) => {
    const key = headers['idempotency-key']?.toString();
    const { id, queuePosition } = await generations.replay(caller, params.id, key);
    const urls = urlsOf(id);
    reply.header('location', urls.self);
    return reply.code(202).send({ id, status: 'queued', queue_position: queuePosition, urls });
  });
}
