import type { FastifyInstance } from 'fastify';
import type { OwnWebhookSecrets } from '../../service/webhooks/own-secrets.ts';

/** The secrets with which the caller's webhooks are signed, for any library of Standard Webhooks. */
export function webhookSecrets(app: FastifyInstance, secrets: OwnWebhookSecrets): void {
  app.get('/v1/webhooks/secrets', async ({ caller }, reply) => {
    reply.header('cache-control', 'no-store');
    return { secrets: await secrets.list(caller) };
  });
  app.post('/v1/webhooks/secrets/rotate', async ({ caller }, reply) => {
    reply.header('cache-control', 'no-store');
    return reply.code(201).send({ secret: await secrets.rotate(caller) });
  });
}
