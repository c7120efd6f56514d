import { once } from 'node:events';
import type { ServerWritableStream } from '@grpc/grpc-js';
import { ServiceError } from '../contract/errors.ts';
import { isFinished } from '../contract/job.ts';
import { isLastEvent, type JobEvent } from '../contract/job-event.ts';
import type { Principal } from '../contract/principal.ts';
import type { Generations } from '../service/generations.ts';
import { linkAbort } from '../service/linked-abort.ts';
import { eventToWire } from './event-to-wire.ts';
import { imageChunks } from './image-chunks.ts';

/** The events of a generation on their way into one call. */
export interface EventStream {
  /** Aborted when the caller cancels, its deadline passes, its connection is lost or its key is revoked. */
  readonly callerGone: AbortSignal;
  /**
   * Sends every event after `after`, pictures before `completed`, no faster than the caller reads. Resolves with the last event;
   * undefined where it was sent before, or the caller has gone. Throws `unavailable` where the server closes, or its events cannot
   * be read any longer, and `unauthenticated` where the caller's key is good no longer.
   */
  send(
    generations: Generations,
    caller: Principal,
    id: string,
    after: string | undefined,
  ): Promise<JobEvent | undefined>;
}

export function openEventStream(
  call: ServerWritableStream<unknown, object>,
  /** `revoked` is aborted with the error to end with. */
  { closing, revoked }: { readonly closing: AbortSignal; readonly revoked: AbortSignal },
): EventStream {
  const gone = new AbortController();
  if (call.cancelled) gone.abort();
  call.on('cancelled', () => gone.abort());
  revoked.addEventListener('abort', () => gone.abort());

  async function write(message: object, signal: AbortSignal): Promise<void> {
    if (call.write(message)) return;
    try {
      await once(call, 'drain', { signal });
    } catch (cause) {
      revoked.throwIfAborted();
      throw new ServiceError('unavailable', 'the server closes, or the caller has gone', { cause });
    }
  }

  return {
    callerGone: gone.signal,
    async send(generations, caller, id, after) {
      let hasSent = false;
      const ending = linkAbort(gone.signal, closing);
      try {
        for await (const stored of await generations.watch(caller, id, after, ending.signal)) {
          const { event } = stored;
          if (event.type === 'completed') {
            for (const { index } of event.result.images) {
              const { image, bytes } = await generations.image(caller, id, index);
              for (const chunk of imageChunks(id, image, bytes)) await write(chunk, ending.signal);
            }
          }
          await write(eventToWire(id, stored), ending.signal);
          hasSent = true;
          if (isLastEvent(event)) return event;
        }
      } finally {
        ending.unlink();
      }
      revoked.throwIfAborted();
      if (gone.signal.aborted) return undefined;
      // Events also end where nobody can read them any longer; that must not look like the end of the generation.
      const hadLast = !hasSent && after !== undefined && isFinished((await generations.get(caller, id)).status);
      if (hadLast) return undefined;
      throw new ServiceError('unavailable', 'the events ended before the generation did');
    },
  };
}
