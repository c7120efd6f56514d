import type { FastifyInstance, FastifySchema } from 'fastify';
import type { Generations } from '../../service/generations.ts';
import { json } from '../shapes/answer.ts';
import { GENERATION } from '../shapes/generation.ts';
import { GENERATION_ID } from '../shapes/parameters.ts';
import { urlsOf } from '../urls.ts';

/** The generation as it is now, with its result once it has one. */
export function getGeneration(app: FastifyInstance, generations: Generations): void {
  app.get<{ Params: { id: string } }>('/v1/generations/:id', { schema: SCHEMA }, async ({ caller, params }) => {
    const generation = await generations.get(caller, params.id);
    return { ...generation, urls: urlsOf(generation.id) };
  });
}

const SCHEMA: FastifySchema = {
  operationId: 'getGeneration',
  tags: ['generations'],
  summary: 'Look at a generation',
  params: GENERATION_ID,
  response: { 200: json('As it is now, with its result once it has one.', GENERATION.ref) },
  'x-problems': ['not_found', 'expired'],
};
