import type { Scope } from '../contract/principal.ts';

/**
 * Which scopes open which route; one of them is enough. A route without a row keeps the server from starting, so that none is open
 * by oversight.
 */

type Row = readonly Scope[] | 'public';

const GENERATE: Row = ['generate'];
const ADMIN: Row = ['admin'];

export const ROUTE_SCOPES: Readonly<Record<string, Row>> = {
  'POST /v1/generations': GENERATE,
  'POST /v1/generations:plan': GENERATE,
  'GET /v1/generations/:id': GENERATE,
  'GET /v1/generations/:id/events': GENERATE,
  'GET /v1/generations/:id/images/:index': GENERATE,
  'GET /v1/generations/:id/images/:index/link': GENERATE,
  // Its signature is the key.
  'GET /v1/blobs/:sha256': 'public',
  'POST /v1/generations/:id/cancel': GENERATE,
  'POST /v1/generations/:id/replay': GENERATE,
  'POST /v1/loras': ['registry'],
  'DELETE /v1/loras/:id': ['registry'],
  'GET /v1/loras': ['generate', 'registry'],
  'GET /v1/loras/:id': ['generate', 'registry'],
  'GET /v1/loras/:id/profile': ['generate', 'registry'],
  'POST /v1/loras/:id/profile': ['generate', 'registry'],
  'GET /v1/models': ['generate', 'registry'],
  'GET /v1/webhooks/secrets': GENERATE,
  'POST /v1/webhooks/secrets/rotate': GENERATE,
  'GET /v1/keys': ADMIN,
  'POST /v1/keys': ADMIN,
  'DELETE /v1/keys/:kid': ADMIN,
  'POST /v1/keys/:kid/rotate': ADMIN,
  // What reads it lies on many machines, and should be able to do nothing else.
  'GET /metrics': ['metrics', 'admin'],
  'GET /admin/queues': ADMIN,
  'GET /admin/queues/*': ADMIN,
  // What a supervisor asks, who has no key.
  'GET /livez': 'public',
  'GET /readyz': 'public',
  // What the service can do is no secret, as over gRPC its reflection is none: whoever writes a client may read it first. Nothing of
  // this deployment is in it.
  'GET /openapi.json': 'public',
  'GET /docs': 'public',
  'GET /docs/': 'public',
  'GET /docs/json': 'public',
  'GET /docs/yaml': 'public',
  'GET /docs/static/index.html': 'public',
  'GET /docs/static/swagger-initializer.js': 'public',
  'GET /docs/static/*': 'public',
};

/** Throws where a route has no row. */
export function scopesOf(method: string, url: string): Row {
  // Fastify answers HEAD for every GET, and wants a colon that begins no parameter doubled.
  const row = ROUTE_SCOPES[`${method === 'HEAD' ? 'GET' : method} ${url.replace('::', ':')}`];
  if (row === undefined) throw new Error(`${method} ${url} has no row in route-scopes.ts`);
  return row;
}
