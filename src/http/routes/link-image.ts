import type { FastifyInstance, FastifySchema } from 'fastify';
import Type from 'typebox';
import { LIMITS } from '../../contract/limits.ts';
import { CONTENT_TYPES } from '../../contract/output.ts';
import { BLOBS_PATH, type BlobLinks } from '../../service/blob-links.ts';
import type { Generations } from '../../service/generations.ts';
import { file, json } from '../shapes/answer.ts';
import { LINK } from '../shapes/generation.ts';
import { IMAGE_OF_GENERATION } from '../shapes/parameters.ts';
import { imageIndex } from './get-image.ts';

const DEFAULT_LIFETIME_S = 3600;

/**
 * A link to a finished picture that needs no key, good for `?lifetime_s=`; and, where blobs lie on the gateway's own disk, what such a
 * link leads to. The path that is signed names the file's hash and nothing of the generation.
 */
export function linkImage(app: FastifyInstance, generations: Generations, links: BlobLinks): void {
  app.get<{ Params: { id: string; index: string }; Querystring: { lifetime_s?: string } }>(
    '/v1/generations/:id/images/:index/link',
    { schema: LINK_SCHEMA },
    async ({ caller, params, query }) => {
      const lifetimeS = query.lifetime_s === undefined ? DEFAULT_LIFETIME_S : Number(query.lifetime_s);
      return await generations.link(caller, params.id, imageIndex(params.index), lifetimeS);
    },
  );
  app.get<{ Params: { sha256: string }; Querystring: Record<'type' | 'expires' | 'signature', string | undefined> }>(
    `${BLOBS_PATH}/:sha256`,
    { schema: BLOB_SCHEMA },
    async ({ params, query }, reply) => {
      const [type, expires, signature] = [query.type, query.expires, query.signature].map((value) =>
        String(value ?? ''),
      );
      const { bytes, contentType } = await links.open({
        ...{ sha256: params.sha256, type: type ?? '', expires: expires ?? '', signature: signature ?? '' },
      });
      reply.headers({ etag: `"${params.sha256}"`, 'cache-control': 'private, max-age=31536000, immutable' });
      return reply.type(contentType).send(bytes);
    },
  );
}

const LINK_SCHEMA: FastifySchema = {
  operationId: 'linkImage',
  tags: ['generations'],
  summary: 'Make a link to a picture that needs no key',
  params: IMAGE_OF_GENERATION,
  querystring: Type.Object({
    lifetime_s: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: LIMITS.linkLifetimeSMax,
        description: `Seconds. Default ${DEFAULT_LIFETIME_S}.`,
      }),
    ),
  }),
  response: { 200: json('The link, relative to this server or of a bucket.', LINK) },
  'x-problems': ['not_found', 'expired', 'invalid_request', 'storage_unavailable'],
};

const BLOB_SCHEMA: FastifySchema = {
  operationId: 'getBlob',
  tags: ['generations'],
  summary: 'Follow a link to a picture',
  params: Type.Object({ sha256: Type.String() }),
  querystring: Type.Object({ type: Type.String(), expires: Type.String(), signature: Type.String() }),
  response: { 200: file('The file.', Object.values(CONTENT_TYPES), { etag: 'Its sha256.' }) },
  'x-problems': ['forbidden', 'not_found', 'expired', 'storage_unavailable'],
};
