import type { FastifyInstance } from 'fastify';
import type { Span, Tracing } from '../../telemetry/tracing.ts';

declare module 'fastify' {
  interface FastifyRequest {
    span: Span;
  }
}

/** A span for every request that has a route, in the trace of whoever sent it (`traceparent`) or in one of its own. */
export function registerTrace(app: FastifyInstance, tracing: Tracing): void {
  app.decorateRequest('span');
  app.addHook('onRequest', async (request) => {
    const { method, routeOptions, headers } = request;
    const name = `${method} ${(routeOptions.url ?? 'none').replace('::', ':')}`;
    request.span = tracing.begin(name, { kind: 'server', parent: headers.traceparent?.toString() });
  });
  // Once the body has been read, because reading one leaves what runs around a call.
  app.addHook('preHandler', (request, _reply, done) => tracing.within(request.span, done));
  app.addHook('onResponse', async ({ span }, { statusCode }) => {
    span.end({
      attributes: { 'http.response.status_code': statusCode },
      ...(statusCode >= 500 && { error: String(statusCode) }),
    });
  });
}
