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
  | { readonly type: 'completed'; readonly result: GenerationResult }
  | { readonly type: 'failed'; readonly error: ProblemDetails }
  | { readonly type: 'cancelled' };

export type JobEventType = JobEvent['type'];

/** An event with its place in the job's stream: the SSE id and the gRPC resume token. */
export interface StoredJobEvent {
  readonly id: string;
  readonly event: JobEvent;
}

export function isLastEvent(event: JobEvent): boolean {
  return event.type === 'completed' || event.type === 'failed' || event.type === 'cancelled';
}
