import type { FastifyInstance, FastifySchema } from 'fastify';
import type { Loras } from '../../service/loras.ts';
import { json } from '../shapes/answer.ts';
import { INSPECTED_LORA } from '../shapes/lora.ts';
import { LORA_ID, MODEL_QUERY } from '../shapes/parameters.ts';
import { REQUEST_PROBLEMS } from '../shapes/problems-of.ts';

/** A LoRA's receipt: what of it matches the model (`?model=`; else the only one served), and what does not. */
export function getLora(app: FastifyInstance, loras: Loras): void {
  app.get<{ Params: { id: string }; Querystring: { model?: string } }>(
    '/v1/loras/:id',
    { schema: SCHEMA },
    async ({ caller, params, query }) => loras.inspect(caller, params.id, query.model?.toString()),
  );
}

const SCHEMA: FastifySchema = {
  operationId: 'getLora',
  tags: ['loras'],
  summary: 'Look at a LoRA',
  params: LORA_ID,
  querystring: MODEL_QUERY,
  response: { 200: json('What of it matches the model, and what was measured of it.', INSPECTED_LORA.ref) },
  'x-problems': REQUEST_PROBLEMS,
};
