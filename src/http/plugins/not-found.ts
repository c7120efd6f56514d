import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ServiceError } from '../../contract/errors.ts';

/**
 * Answers what no route takes, before anything of its body is read: 404, or 405 and `Allow` (RFC 9110, 15.5.6) where the path has routes
 * of other methods. HEAD and OPTIONS are asked by clients that want to find out what is there, and find nothing. To be registered after
 * the check of callers and before any route.
 */
export function registerNotFound(app: FastifyInstance): void {
  const routes: { readonly method: string; readonly path: RegExp }[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    const path = pathOf(url);
    for (const each of [method].flat()) {
      routes.push({ method: each, path });
      // There is a HEAD for every GET. Of a GET that Fastify adds by itself, as `/docs/` beside `/docs`, it tells that alone.
      if (each === 'HEAD') routes.push({ method: 'GET', path });
    }
  });
  app.addHook('onRequest', async (request, reply) => {
    if (!request.is404) return;
    const { method } = request;
    const path = pathIn(request);
    const here = routes.filter((route) => route.path.test(path)).map((route) => route.method);
    const methods = [...new Set(here)].sort();
    // One that is here was not found for another reason: a part of the path is too long.
    if (methods.length === 0 || methods.includes(method) || UNTOUCHED.has(method)) throw notFound(request);
    const allow = methods.join(', ');
    reply.header('allow', allow);
    throw new ServiceError('method_not_allowed', `there is no ${method} ${path}; must be ${allow}`);
  });
  // A route can also say itself that there is nothing.
  app.setNotFoundHandler(async (request) => {
    throw notFound(request);
  });
}

function notFound(request: FastifyRequest): ServiceError {
  return new ServiceError('not_found', `there is no ${request.method} ${pathIn(request)}`);
}

function pathIn({ url }: FastifyRequest): string {
  return url.split('?')[0] ?? '';
}

const UNTOUCHED: ReadonlySet<string> = new Set(['HEAD', 'OPTIONS']);

/** The paths of a route, in Fastify's notation: `:id` is one segment, empty or not, `*` the rest, and `::` a colon. */
function pathOf(url: string): RegExp {
  const source = url.replace(/::|:\w+|\*|[^\w/-]/g, (token) => {
    if (token === '::') return ':';
    if (token === '*') return '.*';
    return token.startsWith(':') ? '[^/]*' : `\\${token}`;
  });
  return new RegExp(`^${source}$`);
}
