import type { FastifyInstance, FastifySchema } from 'fastify';
import Type from 'typebox';
import { KEY_REQUEST_SCHEMA, ROTATION_SCHEMA } from '../../contract/api-key.ts';
import type { ApiKeys } from '../../service/api-keys.ts';
import { json, nothing } from '../shapes/answer.ts';
import { API_KEY, NEW_API_KEY } from '../shapes/service.ts';

/** The API keys there are. A new one is shown whole in the answer that makes it, and never again. */
export function apiKeys(app: FastifyInstance, keys: ApiKeys): void {
  app.get('/v1/keys', { schema: LIST_SCHEMA }, async () => ({ keys: await keys.list() }));
  app.post('/v1/keys', { schema: CREATE_SCHEMA }, async ({ body }, reply) => {
    reply.header('cache-control', 'no-store');
    return reply.code(201).send(await keys.create(body));
  });
  app.delete<{ Params: { kid: string } }>('/v1/keys/:kid', { schema: REVOKE_SCHEMA }, async ({ params }, reply) => {
    await keys.revoke(params.kid);
    return reply.code(204).send();
  });
  app.post<{ Params: { kid: string } }>(
    '/v1/keys/:kid/rotate',
    { schema: ROTATE_SCHEMA },
    async ({ params, body }, reply) => {
      reply.header('cache-control', 'no-store');
      return reply.code(201).send(await keys.rotate(params.kid, body));
    },
  );
}

const KID = Type.Object({ kid: Type.String({ description: "The key's first part." }) });

const LIST_SCHEMA: FastifySchema = {
  operationId: 'listKeys',
  tags: ['keys'],
  summary: 'List API keys',
  response: { 200: json('Those there are, without their secrets.', Type.Object({ keys: Type.Array(API_KEY.ref) })) },
};

const CREATE_SCHEMA: FastifySchema = {
  operationId: 'createKey',
  tags: ['keys'],
  summary: 'Make an API key',
  body: KEY_REQUEST_SCHEMA,
  response: { 201: json('The key, whole, this once.', NEW_API_KEY.ref) },
  'x-problems': ['invalid_request'],
};

const REVOKE_SCHEMA: FastifySchema = {
  operationId: 'revokeKey',
  tags: ['keys'],
  summary: 'Revoke an API key',
  params: KID,
  response: { 204: nothing('Within a second it opens nothing, on any gateway.') },
  'x-problems': ['not_found'],
};

const ROTATE_SCHEMA: FastifySchema = {
  operationId: 'rotateKey',
  tags: ['keys'],
  summary: 'Replace an API key',
  params: KID,
  body: ROTATION_SCHEMA,
  'x-body-optional': true,
  response: { 201: json('A second key like the first, which goes on working for a while.', NEW_API_KEY.ref) },
  'x-problems': ['not_found', 'invalid_request'],
};
