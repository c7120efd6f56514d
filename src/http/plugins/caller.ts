import type { FastifyInstance, FastifyRequest } from 'fastify';
import { LOCAL, type Principal, type Scope } from '../../contract/principal.ts';
import type { Access } from '../../service/access.ts';
import { clientAddress, type IsProxy } from '../../service/client-address.ts';
import { scopesOf } from '../route-scopes.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who sent it: known before any route sees it. Of a public route, nobody in particular. */
    caller: Principal;
    /** Whether its sender may still do what it asked for, where that goes on for long. Throws where not. */
    readmit: () => Promise<void>;
  }
  interface FastifyContextConfig {
    scopes?: readonly Scope[] | 'public';
  }
}

/** Lets in who may use a route, before anything of the request's body is read. To be registered before any route. */
export function registerCaller(app: FastifyInstance, access: Access, isProxy: IsProxy): void {
  app.decorateRequest('caller');
  app.decorateRequest('readmit');
  app.addHook('onRoute', (route) => {
    for (const method of [route.method].flat()) {
      route.config = { ...route.config, scopes: scopesOf(method, route.url) };
    }
  });
  app.addHook('onRequest', async (request, reply) => {
    // Where there is no route there is nothing to protect: it is 404 for everybody.
    const scopes = request.routeOptions.config.scopes ?? 'public';
    if (scopes === 'public') {
      request.caller = NOBODY;
      // A probe is answered whatever else comes from its address.
      if (request.routeOptions.url !== undefined && !PROBES.has(request.routeOptions.url))
        access.admitStranger(addressOf(request));
      return;
    }
    const { authorization } = request.headers;
    const isPage = request.url.startsWith('/admin/');
    // A browser asks its user for name and password where it is told to. It then sends them by itself, also where another site has
    // made it ask: so they open pages, which change nothing, and nothing else.
    if (isPage) reply.header('www-authenticate', 'Basic realm="Overtone", charset="UTF-8"');
    const isBasic = /^basic /i.test(authorization ?? '');
    const credentials = isBasic && !isPage ? undefined : authorization;
    request.caller = await access.admit(credentials, scopes, addressOf(request));
    request.readmit = () => access.readmit(credentials, scopes);
  });

  function addressOf({ socket, headers }: FastifyRequest): string {
    return clientAddress(socket.remoteAddress ?? '', headers['x-forwarded-for']?.toString(), isProxy);
  }
}

const PROBES: ReadonlySet<string> = new Set(['/livez', '/readyz']);

const NOBODY: Principal = { ...LOCAL, owner: '', scopes: [] };
