import type { FastifyInstance } from 'fastify';
import { isFinished } from '../../contract/job.ts';
import type { Generations } from '../../service/generations.ts';
import { closedSignal } from '../closed-signal.ts';
import { preferredWaitS } from '../prefer.ts';
import { urlsOf } from '../urls.ts';

/**
 * 202 with where to look. With `Prefer: wait=N`, 201 with the generation itself if it finishes within N seconds. The same
 * `Idempotency-Key` with the same body is answered with the first generation again, and says so in `Idempotent-Replayed`.
 */
export function submitGeneration(app: FastifyInstance, generations: Generations): void {
  app.post('/v1/generations', async (request, reply) => {
    const key = request.headers['idempotency-key']?.toString();
    const { id, queuePosition, isReplay } = await generations.submit(request.caller, request.body, key);
    if (isReplay) reply.header('idempotent-replayed', 'true');
    const urls = urlsOf(id);
    reply.header('location', urls.self);
    const waitS = preferredWaitS(request.headers.prefer);
    if (waitS > 0) {
      reply.header('preference-applied', `wait=${waitS}`);
      const generation = await generations.wait(request.caller, id, waitS * 1000, closedSignal(reply));
      if (isFinished(generation.status)) return reply.code(201).send({ ...generation, urls });
    }
    return reply.code(202).send({ id, status: 'queued', queue_position: queuePosition, urls });
  });
}
