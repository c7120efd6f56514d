import type { FastifyInstance, FastifySchema } from 'fastify';
import type { Models } from '../../service/models.ts';
import { json } from '../shapes/answer.ts';
import { MODELS } from '../shapes/service.ts';

/** The checkpoints that can be asked for, without the long list of layers that a LoRA could act on. */
export function listModels(app: FastifyInstance, models: Models): void {
  app.get('/v1/models', { schema: SCHEMA }, async () => {
    const served = await models.list();
    return {
      models: served.map(({ id, sha256, family, device, sideMultiple, defaults, loraTargets }) => ({
        id,
        sha256,
        family,
        device,
        side_multiple: sideMultiple,
        defaults,
        lora_targets: loraTargets.length,
      })),
    };
  });
}

const SCHEMA: FastifySchema = {
  operationId: 'listModels',
  tags: ['models'],
  summary: 'List the checkpoints that are served',
  response: { 200: json('Those that a worker serves.', MODELS) },
};
