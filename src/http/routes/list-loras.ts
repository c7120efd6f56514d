import type { FastifyInstance } from 'fastify';
import type { Loras } from '../../service/loras.ts';
import { pageLimit } from '../../service/page-limit.ts';

/**
 * The caller's LoRAs by their ids: `?limit=` of them, those after `?after=`. What one of the folder does is at `/v1/loras/{id}`,
 * because finding out reads its file.
 */
export function listLoras(app: FastifyInstance, loras: Loras): void {
  app.get<{ Querystring: { limit?: string; after?: string } }>('/v1/loras', async ({ caller, query }) =>
    loras.list(caller, { limit: pageLimit(query.limit), after: query.after?.toString() ?? '' }),
  );
}
