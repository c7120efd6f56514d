import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Span as ApiSpan, Tracer as ApiTracer, Context } from '@opentelemetry/api';

/**
 * Traces by OpenTelemetry, from a request to the denoising. A span's place in its trace crosses processes as a W3C `traceparent`: in
 * the headers of a call, in the job that it makes, and in the message to an engine. The SDK is loaded where a setting asks for traces
 * and nowhere else; without it every function here does next to nothing.
 */
export interface Tracing {
  /** Begins a span; its parent is `parent`, a traceparent from elsewhere, or else the one that runs around this call. */
  begin(name: string, options?: SpanOptions): Span;
  /** What happens within `work`, and whatever it awaits, has the span around it. */
  within<T>(span: Span, work: () => T): T;
  /** The traceparent of the span that runs around this call; undefined where there is none. */
  current(): string | undefined;
  /** Sends what has not been sent yet. */
  close(): Promise<void>;
}

export interface SpanOptions {
  readonly kind?: 'server' | 'producer' | 'consumer' | 'internal';
  readonly parent?: string | undefined;
  readonly attributes?: Attributes;
  /** Milliseconds since 1970; default: now. */
  readonly startMs?: number;
}

type Attributes = Readonly<Record<string, string | number | boolean>>;

export interface Span {
  /** Undefined where there are no traces. */
  readonly traceparent: string | undefined;
  /** Once. `error` marks the span as failed, in its words; `endMs` as `startMs`. */
  end(how?: { readonly attributes?: Attributes; readonly error?: string; readonly endMs?: number }): void;
}

const NO_SPAN: Span = { traceparent: undefined, end() {} };

export const NO_TRACING: Tracing = {
  begin: () => NO_SPAN,
  within: (_span, work) => work(),
  current: () => undefined,
  close: async () => {},
};

/** `url`: where an OTLP/HTTP collector listens for traces; undefined for none. `program` names this process in the traces. */
export async function openTracing(url: string | undefined, program: string): Promise<Tracing> {
  if (url === undefined) return NO_TRACING;
  const [api, sdk, { resourceFromAttributes }, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ]);
  const provider = new sdk.BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': `overtone-${program}` }),
    spanProcessors: [new sdk.BatchSpanProcessor(new OTLPTraceExporter({ url }), { scheduledDelayMillis: DELAY_MS })],
  });
  const tracer: ApiTracer = provider.getTracer('overtone');
  const around = new AsyncLocalStorage<Span>();

  const contextOf = (traceparent: string | undefined): Context => {
    const [, traceId = '', spanId = '', flags = '00'] = TRACEPARENT.exec(traceparent ?? '') ?? [];
    const parent = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
    return api.isSpanContextValid(parent) ? api.trace.setSpanContext(api.ROOT_CONTEXT, parent) : api.ROOT_CONTEXT;
  };
  const kinds = {
    server: api.SpanKind.SERVER,
    producer: api.SpanKind.PRODUCER,
    consumer: api.SpanKind.CONSUMER,
    internal: api.SpanKind.INTERNAL,
  };
  return {
    begin(name, { kind = 'internal', parent = around.getStore()?.traceparent, attributes = {}, startMs } = {}) {
      const options = { kind: kinds[kind], attributes, ...(startMs !== undefined && { startTime: startMs }) };
      const span = tracer.startSpan(name, options, contextOf(parent));
      return {
        traceparent: traceparentOf(span),
        end({ attributes = {}, error, endMs } = {}) {
          span.setAttributes(attributes);
          if (error !== undefined) span.setStatus({ code: api.SpanStatusCode.ERROR, message: error });
          span.end(endMs);
        },
      };
    },
    within: (span, work) => around.run(span, work),
    current: () => around.getStore()?.traceparent,
    // A collector that is away must not hold a stop.
    close: () => Promise.race([provider.shutdown().catch(() => {}), delay(CLOSE_MS, undefined, { ref: false })]),
  };
}

/** https://www.w3.org/TR/trace-context/#traceparent-header */
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

const CLOSE_MS = 2000;

/** How long a span waits to be sent with others. */
const DELAY_MS = 1000;

function traceparentOf(span: ApiSpan): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}
