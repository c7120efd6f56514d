import type { FastifyInstance, FastifySchema } from 'fastify';
import type { Generations } from '../../service/generations.ts';
import { json } from '../shapes/answer.ts';
import { GENERATION_REQUEST } from '../shapes/components.ts';
import { PLAN } from '../shapes/generation.ts';
import { REQUEST_PROBLEMS } from '../shapes/problems-of.ts';

/** What a request would do, step by step, and what it would cost. The path's colon is no parameter: Fastify wants it doubled. */
export function planGeneration(app: FastifyInstance, generations: Generations): void {
  app.post('/v1/generations::plan', { schema: SCHEMA }, async ({ caller, body }) => generations.plan(caller, body));
}

const SCHEMA: FastifySchema = {
  operationId: 'planGeneration',
  tags: ['generations'],
  summary: 'See what a request would do, without doing it',
  body: GENERATION_REQUEST.ref,
  response: { 200: json('The plan. Nothing is queued.', PLAN.ref) },
  'x-problems': REQUEST_PROBLEMS,
};
