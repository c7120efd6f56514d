import type { FastifyInstance, FastifySchema } from 'fastify';
import Type from 'typebox';
import { ServiceError } from '../../contract/errors.ts';
import { CONTENT_TYPES } from '../../contract/output.ts';
import type { Generations } from '../../service/generations.ts';
import { file, nothing } from '../shapes/answer.ts';
import { IMAGE_OF_GENERATION } from '../shapes/parameters.ts';

/** A finished picture's file. It never changes, so its hash is its ETag and whoever has it need not ask again. */
export function getImage(app: FastifyInstance, generations: Generations): void {
  app.get<{ Params: { id: string; index: string } }>(
    '/v1/generations/:id/images/:index',
    { schema: SCHEMA },
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

const SCHEMA: FastifySchema = {
  operationId: 'getImage',
  tags: ['generations'],
  summary: 'Fetch a picture',
  params: IMAGE_OF_GENERATION,
  headers: Type.Object({
    'if-none-match': Type.Optional(Type.String({ description: 'The ETag of one that is there.' })),
  }),
  response: {
    200: file('The file, with its recipe inside.', Object.values(CONTENT_TYPES), { etag: 'Its sha256.' }),
    304: nothing('It is the one that is there.'),
  },
  'x-problems': ['not_found', 'expired', 'storage_unavailable'],
};
