import helmet from '@fastify/helmet';
import type { FastifyInstance } from 'fastify';

/** For a year, as helmet itself has it. */
const HSTS = 'max-age=31536000; includeSubDomains';

/**
 * Headers that keep a browser from doing anything with an answer but show it; and from going without TLS, where the call came over
 * TLS to this server or to a proxy before it.
 */
export async function registerHelmet(app: FastifyInstance): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    strictTransportSecurity: false,
  });
  app.addHook('onRequest', async ({ protocol }, reply) => {
    if (protocol === 'https') reply.header('strict-transport-security', HSTS);
  });
}
