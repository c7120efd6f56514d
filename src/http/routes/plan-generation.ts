import type { FastifyInstance } from 'fastify';
import type { Generations } from '../../service/generations.ts';

/** What a request would do, step by step, and what it would cost. The path's colon is no parameter: Fastify wants it doubled. */
export function planGeneration(app: FastifyInstance, generations: Generations): void {
  app.post('/v1/generations::plan', async ({ caller, body }) => generations.plan(caller, body));
}
