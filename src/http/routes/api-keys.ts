import type { FastifyInstance } from 'fastify';
import type { ApiKeys } from '../../service/api-keys.ts';

/** The API keys there are. A new one is shown whole in the answer that makes it, and never again. */
export function apiKeys(app: FastifyInstance, keys: ApiKeys): void {
  app.get('/v1/keys', async () => ({ keys: await keys.list() }));
  app.post('/v1/keys', async ({ body }, reply) => {
    reply.header('cache-control', 'no-store');
    return reply.code(201).send(await keys.create(body));
  });
  app.delete<{ Params: { kid: string } }>('/v1/keys/:kid', async ({ params }, reply) => {
    await keys.revoke(params.kid);
    return reply.code(204).send();
  });
  app.post<{ Params: { kid: string } }>('/v1/keys/:kid/rotate', async ({ params, body }, reply) => {
    reply.header('cache-control', 'no-store');
    return reply.code(201).send(await keys.rotate(params.kid, body));
  });
}
