import type { FastifyInstance } from 'fastify';
import type { LoraUploads } from '../../service/lora-uploads.ts';

/** 204, and nobody can ask for it any longer. Jobs that were accepted with it keep its bytes. */
export function deleteLora(app: FastifyInstance, uploads: LoraUploads): void {
  app.delete<{ Params: { id: string } }>('/v1/loras/:id', async ({ caller, params }, reply) => {
    await uploads.remove(caller, params.id);
    return reply.code(204).send();
  });
}
