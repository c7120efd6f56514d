import type { FastifyInstance } from 'fastify';
import type { Loras } from '../../service/loras.ts';

/** A LoRA's receipt: what of it matches the model (`?model=`; else the only one served), and what does not. */
export function getLora(app: FastifyInstance, loras: Loras): void {
  app.get<{ Params: { id: string }; Querystring: { model?: string } }>(
    '/v1/loras/:id',
    async ({ caller, params, query }) => loras.inspect(caller, params.id, query.model?.toString()),
  );
}
