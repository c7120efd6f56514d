import { setTimeout as delay } from 'node:timers/promises';
import { problemDetails } from '../contract/errors.ts';
import type { StoredJobEvent } from '../contract/job-event.ts';

/** So often something is sent while nothing happens, because proxies cut connections that are silent for longer. */
const HEARTBEAT_MS = 15_000;

/** What a client's own reconnecting waits, in milliseconds. */
const RETRY_MS = 1000;

/** Events in the text format of server-sent events (WHATWG HTML 9.2), with a comment now and then where there are none. */
export async function* serverSentEvents(
  events: AsyncIterable<StoredJobEvent>,
  heartbeatMs = HEARTBEAT_MS,
): AsyncGenerator<string, void, void> {
  // Sent at once, so that a client that resumes where nothing has happened since still gets its headers.
  yield `retry: ${RETRY_MS}\n\n`;
  const iterator = events[Symbol.asyncIterator]();
  try {
    let next = iterator.next();
    for (;;) {
      const silence = new AbortController();
      const heartbeat = delay(heartbeatMs, undefined, { signal: silence.signal }).catch(() => undefined);
      const first = await Promise.race([next, heartbeat]);
      silence.abort();
      if (first === undefined) {
        yield ': still here\n\n';
      } else if (first.done) {
        return;
      } else {
        yield formatEvent(first.value);
        next = iterator.next();
      }
    }
  } finally {
    await iterator.return?.();
  }
}

/** Why a stream ends before what it tells of has: no event of the generation, and so without an id. */
export function problemEvent(error: unknown): string {
  return `event: error\ndata: ${JSON.stringify(problemDetails(error))}\n\n`;
}

function formatEvent({ id, event }: StoredJobEvent): string {
  const { type, ...data } = event;
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
}
