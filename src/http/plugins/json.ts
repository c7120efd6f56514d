import type { FastifyInstance } from 'fastify';

/** JSON is the only body there is: without this, Fastify would also take plain text and hand on a string. */
export function registerJson(app: FastifyInstance): void {
  app.removeContentTypeParser('text/plain');
}
