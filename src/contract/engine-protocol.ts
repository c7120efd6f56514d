import type { ProblemDetails } from './errors.ts';
import type { PreviewRequest } from './job.ts';
import type { ProfileEvent, ProfileOrder } from './lora-profile.ts';
import type { ModelDescriptor } from './model-descriptor.ts';
import type { PipelineEvent } from './pipeline-event.ts';
import type { ResolvedRequest } from './resolved-request.ts';

/**
 * Messages between a worker and its engine child, over the channel of `child_process.fork` with `serialization: 'advanced'`.
 * A `run` is one attempt at one job, a `profile` at measuring one LoRA; the events of either end with exactly one `finished` or
 * `failed`.
 */
export type ToEngine =
  | {
      readonly type: 'run';
      readonly run: string;
      readonly jobId: string;
      readonly request: ResolvedRequest;
      readonly preview: PreviewRequest | undefined;
      /** The span of the job, as a W3C traceparent. */
      readonly trace: string | undefined;
      readonly files: LoraPaths;
    }
  | { readonly type: 'profile'; readonly run: string; readonly order: ProfileOrder; readonly files: LoraPaths }
  | { readonly type: 'cancel'; readonly run: string }
  | { readonly type: 'shutdown' };

/** Where LoRA files lie that are not in the folder, by sha256; for as long as the work goes on. */
export type LoraPaths = Readonly<Record<string, string>>;

export type FromEngine =
  | { readonly type: 'loading'; readonly part: string; readonly done: number; readonly total: number }
  | { readonly type: 'ready'; readonly model: ModelDescriptor }
  | { readonly type: 'unready'; readonly error: ProblemDetails }
  | { readonly type: 'event'; readonly run: string; readonly event: PipelineEvent | ProfileEvent }
  /** What the engine has measured since it started: a `MetricsSnapshot`. */
  | { readonly type: 'metrics'; readonly snapshot: readonly object[] }
  | { readonly type: 'finished'; readonly run: string }
  | { readonly type: 'failed'; readonly run: string; readonly error: ProblemDetails; readonly cancelled: boolean };
