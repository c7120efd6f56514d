import type { FastifyInstance, FastifySchema } from 'fastify';
import type { LoraUploads } from '../../service/lora-uploads.ts';
import { nothing } from '../shapes/answer.ts';
import { LORA_ID } from '../shapes/parameters.ts';

/** 204, and nobody can ask for it any longer. Jobs that were accepted with it keep its bytes. */
export function deleteLora(app: FastifyInstance, uploads: LoraUploads): void {
  app.delete<{ Params: { id: string } }>('/v1/loras/:id', { schema: SCHEMA }, async ({ caller, params }, reply) => {
    await uploads.remove(caller, params.id);
    return reply.code(204).send();
  });
}

const SCHEMA: FastifySchema = {
  operationId: 'deleteLora',
  tags: ['loras'],
  summary: 'Delete a LoRA',
  params: LORA_ID,
  response: { 204: nothing('It is gone. Generations that were accepted with it keep its bytes.') },
  'x-problems': ['lora_not_found', 'forbidden'],
};
