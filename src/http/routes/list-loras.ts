import type { FastifyInstance, FastifySchema } from 'fastify';
import Type from 'typebox';
import { LIMITS } from '../../contract/limits.ts';
import type { Loras } from '../../service/loras.ts';
import { pageLimit } from '../../service/page-limit.ts';
import { json } from '../shapes/answer.ts';
import { LORA_PAGE } from '../shapes/lora.ts';

/**
 * The caller's LoRAs by their ids: `?limit=` of them, those after `?after=`. What one of the folder does is at `/v1/loras/{id}`,
 * because finding out reads its file.
 */
export function listLoras(app: FastifyInstance, loras: Loras): void {
  app.get<{ Querystring: { limit?: string; after?: string } }>(
    '/v1/loras',
    { schema: SCHEMA },
    async ({ caller, query }) =>
      loras.list(caller, { limit: pageLimit(query.limit), after: query.after?.toString() ?? '' }),
  );
}

const SCHEMA: FastifySchema = {
  operationId: 'listLoras',
  tags: ['loras'],
  summary: 'List LoRAs',
  querystring: Type.Object({
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMITS.pageMax, description: 'Default 100.' })),
    after: Type.Optional(Type.String({ description: 'An id: list those after it.' })),
  }),
  response: { 200: json("The folder's, and those that the caller has uploaded.", LORA_PAGE.ref) },
  'x-problems': ['invalid_request'],
};
