import type { FastifyInstance } from 'fastify';
import type { Loras } from '../../service/loras.ts';

/** The ids of the LoRAs in the folder. What one of them does is at `/v1/loras/{id}`, because finding out reads the file. */
export function listLoras(app: FastifyInstance, loras: Loras): void {
  app.get('/v1/loras', async ({ caller }) => ({ loras: await loras.list(caller) }));
}
