import multipart from '@fastify/multipart';
import type { FastifyInstance } from 'fastify';
import { LIMITS } from '../../contract/limits.ts';

/** Bodies that are files: read as they come, by the route itself, and only below the instance that this is given. */
export async function registerUploads(scope: FastifyInstance): Promise<void> {
  await scope.register(multipart, {
    limits: {
      files: 1,
      // Counted by whoever receives it, who says so in the service's own words.
      fileSize: LIMITS.loraBytes + 1,
      fields: 100,
      fieldSize: 64 * 1024,
      fieldNameSize: 100,
      headerPairs: 20,
      parts: 101,
    },
  });
  scope.removeContentTypeParser('application/json');
  scope.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload));
  scope.addHook('onError', async ({ raw }, reply) => {
    // What is still to come would be read to its end for nothing.
    if (!raw.complete) reply.header('connection', 'close');
  });
}
