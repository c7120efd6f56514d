import type { FastifyInstance, FastifySchema } from 'fastify';
import Type from 'typebox';
import { json } from '../shapes/answer.ts';

/** This process answers. Nothing else is asked: a supervisor that restarts it on `livez` must not do so because Redis is away. */
export function livez(app: FastifyInstance): void {
  app.get('/livez', { schema: SCHEMA }, async () => ({ status: 'alive' }));
}

const SCHEMA: FastifySchema = {
  operationId: 'livez',
  tags: ['service'],
  summary: 'Is the process alive?',
  response: { 200: json('It is.', Type.Object({ status: Type.Literal('alive') })) },
};
