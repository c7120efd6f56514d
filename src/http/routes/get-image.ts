import type { FastifyInstance } from 'fastify';
import { ServiceError } from '../../contract/errors.ts';
import type { Generations } from '../../service/generations.ts';

/** A finished picture's file. It never changes, so its hash is its ETag and whoever has it need not ask again. */
export function getImage(app: FastifyInstance, generations: Generations): void {
  app.get<{ Params: { id: string; index: string } }>(
    '/v1/generations/:id/images/:index',
    async ({ caller, params, headers }, reply) => {
      const { image, bytes } = await generations.image(caller, params.id, imageIndex(params.index));
      const etag = `"${image.sha256}"`;
      reply.headers({ etag, 'cache-control': 'private, max-age=31536000, immutable' });
      if (headers['if-none-match']?.includes(etag)) return reply.code(304).send();
      return reply.type(image.content_type).send(bytes);
    },
  );
}

/** Throws `not_found` for what is no index. */
export function imageIndex(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new ServiceError('not_found', `there is no picture '${text}'`);
  return Number(text);
}
