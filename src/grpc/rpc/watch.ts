import type { Generations } from '../../service/generations.ts';
import type { CallStatus } from '../call-status.ts';
import type { EventStream } from '../event-stream.ts';

interface WatchRequest {
  readonly id?: string;
  readonly resume_token?: string;
}

/** Streams what happens to a generation and leaves it alone: however it ends, the watching went well. */
export function watch(
  generations: Generations,
): (request: WatchRequest, events: EventStream) => Promise<CallStatus | undefined> {
  return async ({ id = '', resume_token: resumeToken = '' }, events) => {
    await events.send(generations, id, resumeToken === '' ? undefined : resumeToken);
    return undefined;
  };
}
