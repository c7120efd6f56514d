import type { FastifyInstance, FastifySchema } from 'fastify';
import type { Generations } from '../../service/generations.ts';
import { json } from '../shapes/answer.ts';
import { CANCELLED } from '../shapes/generation.ts';
import { GENERATION_ID } from '../shapes/parameters.ts';
import { urlsOf } from '../urls.ts';

/** 202: it will not go on. 409 if it has finished. */
export function cancelGeneration(app: FastifyInstance, generations: Generations): void {
  app.post<{ Params: { id: string } }>(
    '/v1/generations/:id/cancel',
    { schema: SCHEMA },
    async ({ caller, params }, reply) => {
      const { status } = await generations.cancel(caller, params.id);
      return reply.code(202).send({ id: params.id, status, urls: urlsOf(params.id) });
    },
  );
}

const SCHEMA: FastifySchema = {
  operationId: 'cancelGeneration',
  tags: ['generations'],
  summary: 'Cancel a generation',
  params: GENERATION_ID,
  response: { 202: json('It was waiting and is gone, or stops within one step.', CANCELLED) },
  'x-problems': ['not_found', 'expired', 'already_finished'],
};
