import type { FastifyInstance, FastifySchema } from 'fastify';
import Type from 'typebox';
import { json } from '../shapes/answer.ts';

/** The OpenAPI document: made of the routes there are, so that it is never another service that it speaks of. */
export function openapi(app: FastifyInstance): void {
  app.get('/openapi.json', { schema: SCHEMA }, async () => app.swagger());
}

const SCHEMA: FastifySchema = {
  operationId: 'openapi',
  tags: ['service'],
  summary: 'This document',
  response: { 200: json('OpenAPI 3.1.', Type.Object({ openapi: Type.Literal('3.1.0') })) },
};
