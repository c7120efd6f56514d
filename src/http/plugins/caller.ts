import type { FastifyInstance } from 'fastify';
import { LOCAL, type Principal } from '../../contract/principal.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who sent it: known before any route sees it. */
    caller: Principal;
  }
}

/** Says of every request who sent it. */
export function registerCaller(app: FastifyInstance): void {
  app.decorateRequest('caller');
  app.addHook('onRequest', async (request) => {
    request.caller = LOCAL;
  });
}
