import type { ModelDescriptor } from './model-descriptor.ts';

/** What a worker says of itself at every heartbeat. It expires by itself when the worker no longer does. */
export type WorkerReport = {
  readonly worker: string;
  /** The model's id: known from the start, before the checkpoint is read. */
  readonly model: string;
  readonly device: string;
} & (
  | {
      readonly state: 'loading';
      readonly part: string;
      readonly done: number;
      readonly total: number;
      /** Of an engine that was ready before and only starts again: jobs for it can be accepted meanwhile. */
      readonly descriptor: ModelDescriptor | null;
    }
  | { readonly state: 'ready'; readonly descriptor: ModelDescriptor }
);
