import type { FastifyInstance, FastifySchema } from 'fastify';
import Type from 'typebox';
import type { OwnWebhookSecrets } from '../../service/webhooks/own-secrets.ts';
import { json } from '../shapes/answer.ts';

/** The secrets with which the caller's webhooks are signed, for any library of Standard Webhooks. */
export function webhookSecrets(app: FastifyInstance, secrets: OwnWebhookSecrets): void {
  app.get('/v1/webhooks/secrets', { schema: LIST_SCHEMA }, async ({ caller }, reply) => {
    reply.header('cache-control', 'no-store');
    return { secrets: await secrets.list(caller) };
  });
  app.post('/v1/webhooks/secrets/rotate', { schema: ROTATE_SCHEMA }, async ({ caller }, reply) => {
    reply.header('cache-control', 'no-store');
    return reply.code(201).send({ secret: await secrets.rotate(caller) });
  });
}

const SECRET = Type.String({ pattern: '^whsec_' });

const LIST_SCHEMA: FastifySchema = {
  operationId: 'listWebhookSecrets',
  tags: ['webhooks'],
  summary: "Show the secrets that sign the caller's webhooks",
  response: {
    200: json(
      'The newest first; the one before signs beside it for a day.',
      Type.Object({ secrets: Type.Array(SECRET) }),
    ),
  },
};

const ROTATE_SCHEMA: FastifySchema = {
  operationId: 'rotateWebhookSecret',
  tags: ['webhooks'],
  summary: 'Make a new secret',
  response: { 201: json('The new one.', Type.Object({ secret: SECRET })) },
};
