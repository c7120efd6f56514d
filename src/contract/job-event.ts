import type { ProblemDetails } from './errors.ts';
import type { GenerationResult } from './generation-result.ts';

/**
 * What happens to a job, in order. Every door carries the same events: SSE by name, gRPC by its oneof. After a crash the job runs
 * again from the start, so `started` and `step` can come again with a higher `attempt`; the last event comes exactly once.
 */
export type JobEvent =
  | { readonly type: 'queued'; readonly queue_position: number }
  | { readonly type: 'started'; readonly attempt: number; readonly device: string }
  | {
      readonly type: 'step';
      readonly attempt: number;
      readonly image: number;
      /** Steps done of this image, 1 to `steps`. */
      readonly step: number;
      readonly steps: number;
      /** The LoRA that led the step, where the method has a leader. */
      readonly leader: string | null;
    }
  | {
      /** The picture as far as it is known after a step, where the request asked for previews. */
      readonly type: 'preview';
      readonly attempt: number;
      readonly image: number;
      readonly step: number;
      readonly content_type: 'image/webp';
      readonly width: number;
      readonly height: number;
      /** The file in base64, 20 kB at most before that. */
      readonly data: string;
    }
  | { readonly type: 'completed'; readonly result: GenerationResult }
  | { readonly type: 'failed'; readonly error: ProblemDetails }
  | { readonly type: 'cancelled' };

export type JobEventType = JobEvent['type'];

/**
 * An event as it lies in the job's stream. The last event of a completed job is there without its result, which can be large and
 * lies in the job's record; whoever hands the event out puts it in.
 */
export type JournalEvent = Exclude<JobEvent, { type: 'completed' }> | { readonly type: 'completed' };

/** An event with its place in the job's stream: the SSE id and the gRPC resume token. */
export interface StoredJobEvent {
  readonly id: string;
  readonly event: JobEvent;
}

export function isLastEvent(event: JobEvent | JournalEvent): boolean {
  return event.type === 'completed' || event.type === 'failed' || event.type === 'cancelled';
}
