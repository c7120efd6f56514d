import { status } from '@grpc/grpc-js';
import { ServiceError } from '../../contract/errors.ts';
import type { JobEvent } from '../../contract/job-event.ts';
import type { Generations } from '../../service/generations.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { type CallStatus, statusOfProblem } from '../call-status.ts';
import type { StreamAnswer } from '../handlers.ts';
import type { Protocol } from '../protocol.ts';
import { requestFromWire, type WireRequest } from '../request-from-wire.ts';

/** Submits and streams. The generation lives as long as the call: whatever ends the call early cancels it. */
export function generate({
  generations,
  protocol,
  logger,
}: {
  readonly generations: Generations;
  readonly protocol: Protocol;
  readonly logger: Logger;
}): StreamAnswer<WireRequest> {
  return async (caller, request, events, idempotencyKey) => {
    const { id } = await generations.submit(caller, requestFromWire(request), idempotencyKey);
    const cancel = () => {
      generations.cancel(caller, id).catch((error: unknown) => {
        // The caller left just as it finished: nothing is left to cancel.
        if (error instanceof ServiceError && error.code === 'already_finished') return;
        logger.error({ err: error, job: id }, 'a generation whose caller has gone could not be cancelled');
      });
    };
    if (events.callerGone.aborted) cancel();
    events.callerGone.addEventListener('abort', cancel);
    try {
      return statusAfter(await events.send(generations, caller, id, undefined), protocol);
    } finally {
      // Once the stream has ended by itself, grpc-js calls the caller gone as well.
      events.callerGone.removeEventListener('abort', cancel);
    }
  };
}

function statusAfter(last: JobEvent | undefined, protocol: Protocol): CallStatus | undefined {
  if (last?.type === 'failed') return statusOfProblem(last.error, protocol);
  if (last?.type === 'cancelled') return { code: status.CANCELLED, details: 'The generation was cancelled' };
  return undefined;
}
