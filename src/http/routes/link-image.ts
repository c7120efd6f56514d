import type { FastifyInstance } from 'fastify';
import { BLOBS_PATH, type BlobLinks } from '../../service/blob-links.ts';
import type { Generations } from '../../service/generations.ts';
import { imageIndex } from './get-image.ts';

const DEFAULT_LIFETIME_S = 3600;

/**
 * A link to a finished picture that needs no key, good for `?lifetime_s=`; and, where blobs lie on the gateway's own disk, what such a
 * link leads to. The path that is signed names the file's hash and nothing of the generation.
 */
export function linkImage(app: FastifyInstance, generations: Generations, links: BlobLinks): void {
  app.get<{ Params: { id: string; index: string }; Querystring: { lifetime_s?: string } }>(
    '/v1/generations/:id/images/:index/link',
    async ({ caller, params, query }) => {
      const lifetimeS = query.lifetime_s === undefined ? DEFAULT_LIFETIME_S : Number(query.lifetime_s);
      return await generations.link(caller, params.id, imageIndex(params.index), lifetimeS);
    },
  );
  app.get<{ Params: { sha256: string }; Querystring: Record<'type' | 'expires' | 'signature', string | undefined> }>(
    `${BLOBS_PATH}/:sha256`,
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
