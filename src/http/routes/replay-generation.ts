import type { FastifyInstance, FastifySchema } from 'fastify';
import Type from 'typebox';
import type { Generations } from '../../service/generations.ts';
import { json, LOCATION } from '../shapes/answer.ts';
import { ACCEPTED } from '../shapes/generation.ts';
import { GENERATION_ID, IDEMPOTENCY_KEY } from '../shapes/parameters.ts';
import { ADMISSION_PROBLEMS, REQUEST_PROBLEMS } from '../shapes/problems-of.ts';
import { urlsOf } from '../urls.ts';

/** 202: the same recipe again, as a new generation whose files are the same. */
export function replayGeneration(app: FastifyInstance, generations: Generations): void {
  app.post<{ Params: { id: string } }>(
    '/v1/generations/:id/replay',
    { schema: SCHEMA },
    async ({ caller, params, headers }, reply) => {
      const key = headers['idempotency-key']?.toString();
      const { id, queuePosition } = await generations.replay(caller, params.id, key);
      const urls = urlsOf(id);
      reply.header('location', urls.self);
      return reply.code(202).send({ id, status: 'queued', queue_position: queuePosition, urls });
    },
  );
}

const SCHEMA: FastifySchema = {
  operationId: 'replayGeneration',
  tags: ['generations'],
  summary: 'Make the same pictures again',
  params: GENERATION_ID,
  headers: Type.Object({ 'idempotency-key': IDEMPOTENCY_KEY }),
  response: { 202: json('A new generation, whose files will be the same.', ACCEPTED.ref, LOCATION) },
  'x-problems': ['not_found', 'expired', ...REQUEST_PROBLEMS, ...ADMISSION_PROBLEMS],
};
