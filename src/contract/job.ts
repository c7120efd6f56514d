import type { ProblemDetails } from './errors.ts';
import type { GenerationResult, LoraInUse } from './generation-result.ts';
import type { ResolvedRequest } from './resolved-request.ts';

/** Where a job is in its life. It leaves the first two once, for one of the last three, and never comes back. */
export type JobStatus = 'queued' | 'running' | 'completed' | 'failed' | 'cancelled';

export function isFinished(status: JobStatus): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}

/** What was settled when the job was accepted. A worker needs nothing else to run it, as often as it takes, and not the receipts. */
export interface AcceptedJob {
  readonly request: ResolvedRequest;
  readonly loras: readonly LoraInUse[];
  readonly warnings: readonly string[];
  /** By sha256: the LoRA files that were uploaded, as against those of the folder. The job holds them until it has ended. */
  readonly stored_loras?: readonly string[];
  /** No part of the request that is resolved: it changes no picture. */
  readonly preview?: PreviewRequest;
  /** Where in which trace it was accepted (W3C traceparent), where traces are made. */
  readonly trace?: string;
  /** Who is told when it has ended; no part of the resolved request either. The journal looks for it by its name. */
  readonly webhook?: WebhookRequest;
}

export interface WebhookRequest {
  readonly url: string;
}

export interface PreviewRequest {
  readonly every_steps: number;
}

/** What a run adds to an accepted job; both together are the result. Kept apart so that nothing is stored twice. */
export type JobOutcome = Omit<GenerationResult, 'request' | 'loras'>;

/** A generation as a client sees it at one moment. Times are ISO 8601 by Redis' clock, the one clock that every machine shares. */
export interface Generation {
  readonly id: string;
  readonly status: JobStatus;
  /** How often a worker has started it; above 1 after a crash. */
  readonly attempt: number;
  readonly accepted_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  /** Jobs that wait before it; null once it has started. */
  readonly queue_position: number | null;
  /** Milliseconds until it will have ended, estimated from measured times; null once it has, and where nothing is known yet. */
  readonly eta_ms: number | null;
  readonly request: ResolvedRequest;
  readonly warnings: readonly string[];
  /** Present once `completed`. */
  readonly result: GenerationResult | null;
  /** Present once `failed`. */
  readonly error: ProblemDetails | null;
}
