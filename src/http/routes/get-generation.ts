import type { FastifyInstance } from 'fastify';
import type { Generations } from '../../service/generations.ts';
import { urlsOf } from '../urls.ts';

/** The generation as it is now, with its result once it has one. */
export function getGeneration(app: FastifyInstance, generations: Generations): void {
  app.get<{ Params: { id: string } }>('/v1/generations/:id', async ({ caller, params }) => {
    const generation = await generations.get(caller, params.id);
    return { ...generation, urls: urlsOf(generation.id) };
  });
}
