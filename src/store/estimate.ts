/**
 * When a job will have ended, in milliseconds from now, from what was measured: its own steps once it runs, and before that what jobs
 * of its model took of late. A guess that is honest about having nothing to go by: null. Pure.
 */
export function estimateMs(state: QueuedState | RunningState): number | null {
  const estimate = state.status === 'queued' ? estimateQueued(state) : estimateRunning(state);
  return estimate === null ? null : Math.max(0, Math.round(estimate));
}

/** What jobs of the model took of late, each a moving average; undefined where none has finished yet. */
export interface Pace {
  /** From start to end, whatever they were. */
  readonly jobMs: number | undefined;
  /** For each unit of work, of jobs of the same kind. */
  readonly workMs: number | undefined;
}

export interface QueuedState {
  readonly status: 'queued';
  readonly work: number;
  readonly pace: Pace;
  /** Jobs that wait before it. */
  readonly position: number;
  /** Jobs of its model that run at present, over all workers. */
  readonly running: number;
}

export interface RunningState {
  readonly status: 'running';
  readonly work: number;
  readonly pace: Pace;
  readonly nowMs: number;
  readonly startedMs: number;
  /** Steps of all pictures. */
  readonly steps: number;
  /** Of this attempt; undefined before its first step is done. */
  readonly done:
    | {
        readonly steps: number;
        readonly atMs: number;
        readonly firstSteps: number;
        readonly firstAtMs: number;
      }
    | undefined;
}

function estimateQueued({ work, pace, position, running }: QueuedState): number | null {
  const own = ownMs(work, pace);
  if (own === null || pace.jobMs === undefined) return null;
  // Where all slots are taken, one comes free about so often; where nothing runs, the first is taken at once.
  const ahead = running === 0 ? position : (position + 1) / running;
  return ahead * pace.jobMs + own;
}

function estimateRunning({ work, pace, nowMs, startedMs, steps, done }: RunningState): number | null {
  if (done !== undefined && done.steps > done.firstSteps) {
    const stepMs = (done.atMs - done.firstAtMs) / (done.steps - done.firstSteps);
    return done.atMs + (steps - done.steps) * stepMs - nowMs;
  }
  const own = ownMs(work, pace);
  return own === null ? null : startedMs + own - nowMs;
}

function ownMs(work: number, { workMs, jobMs }: Pace): number | null {
  return workMs === undefined ? (jobMs ?? null) : work * workMs;
}
