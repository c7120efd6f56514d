import type { ImageResult } from '../contract/generation-result.ts';
import type { Generation } from '../contract/job.ts';
import type { StoredJobEvent } from '../contract/job-event.ts';

/**
 * The use cases of a generation, shared by every door. Whatever is thrown is an `InputError` or a `ServiceError`;
 * `problemDetails` turns it into what a client may see.
 */
export interface Generations {
  /**
   * Checks, resolves and queues a request as it came off the wire (a parsed JSON value in the native contract's snake_case).
   * Every bad input is answered here, before anything is queued. `queuePosition` counts the jobs that wait before this one.
   */
  submit(body: unknown): Promise<{ readonly id: string; readonly queuePosition: number }>;

  /** The generation as it is now. Throws `not_found`. */
  get(id: string): Promise<Generation>;

  /** The generation once it has finished, or as it is after `timeoutMs`, or when the signal is aborted. Throws `not_found`. */
  wait(id: string, timeoutMs: number, signal: AbortSignal): Promise<Generation>;

  /**
   * Every event of the generation after the event `after` (from the first one where it is undefined), as they happen; ends after
   * the last event, or quietly when the signal is aborted. Never cancels the generation. Rejects, before there is anything to
   * iterate, with `not_found` or, for an `after` that is no event id of this generation, `invalid_request`.
   */
  watch(id: string, after: string | undefined, signal: AbortSignal): Promise<AsyncIterable<StoredJobEvent>>;

  /** `cancelled`: it was waiting and is gone. `cancelling`: its worker has been told. Throws `not_found`, `already_finished`. */
  cancel(id: string): Promise<{ readonly status: 'cancelled' | 'cancelling' }>;

  /** One picture of a completed generation: the file's bytes. Throws `not_found`. */
  image(id: string, index: number): Promise<{ readonly image: ImageResult; readonly bytes: Uint8Array }>;
}
