import type { ServerUnaryCall } from '@grpc/grpc-js';
import type { Tracing } from '../telemetry/tracing.ts';

/** Answers a call within a span, in the trace of whoever sent it (metadata `traceparent`) or in one of its own. */
export async function tracedCall<T>(
  call: Pick<ServerUnaryCall<unknown, unknown>, 'metadata' | 'getPath'>,
  tracing: Tracing,
  answer: () => Promise<T>,
): Promise<T> {
  const [parent] = call.metadata.get('traceparent');
  const span = tracing.begin(call.getPath(), { kind: 'server', parent: parent?.toString() });
  try {
    const answered = await tracing.within(span, answer);
    span.end();
    return answered;
  } catch (error) {
    span.end({ error: error instanceof Error ? error.name : 'failed' });
    throw error;
  }
}
