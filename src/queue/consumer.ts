import { type Job, UnrecoverableError, WaitingError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { KEY_PREFIX, queueName } from '../contract/redis-keys.ts';
import type { Logger } from '../telemetry/logger.ts';

/** A job whose turn it is. */
export interface Turn {
  readonly id: string;
  /** True where a failure that could pass is final all the same. */
  readonly isLastTry: boolean;
  /** Aborted with a `StopReason`. */
  readonly signal: AbortSignal;
}

/** Why a running job must stop: somebody cancelled it, its deadline passed, the worker stops, or its lock went to another worker. */
export type StopReason = 'cancelled' | 'overdue' | 'draining' | 'lock lost';

/**
 * What became of a turn. `ended`: the job has its end, whatever that is. `retry`: it may succeed later. `handed back`: it was not
 * the job's fault and does not count as a try.
 */
export type Verdict = 'ended' | 'failed' | 'retry' | 'handed back';

export interface Consumer {
  /** Takes jobs from now on. */
  resume(): Promise<void>;
  /** Takes no new jobs; those that run go on. */
  pause(): Promise<void>;
  /** Stops a running job; nothing happens if it does not run here. */
  cancel(jobId: string): void;
  /** Takes no new jobs, gives the running ones `drainMs` to finish, then makes them hand themselves back. */
  close(drainMs: number): Promise<void>;
}

/**
 * Settings that were measured: with them the job of a killed worker runs again within about 6 s. So short a lock is right only
 * because a worker never blocks its event loop: the model runs in another process.
 */
const LOCK_MS = 5000;
const STALLED_CHECK_MS = 2000;
/** Workers that may die under a job before it is given up. Counted apart from crashes of the engine. */
const STALLS_MAX = 10;

/** Opens the queue of one model, paused. */
export function openConsumer(options: {
  readonly connection: Redis;
  readonly model: string;
  readonly concurrency: number;
  readonly take: (turn: Turn) => Promise<Verdict>;
  /** Called when the queue has given a job up, however that came. */
  readonly onGivenUp: (jobId: string) => Promise<void>;
  readonly logger: Logger;
}): Consumer {
  const { take, logger } = options;
  let isPaused = true;
  const worker = new Worker(
    queueName(options.model),
    async (job: Job, token?: string, signal?: AbortSignal) => {
      const turn: Turn = {
        id: job.id ?? '',
        isLastTry: job.attemptsMade + 1 >= (job.opts.attempts ?? 1),
        signal: signal ?? new AbortController().signal,
      };
      // BullMQ gives one more job to a worker that was waiting for one when it was paused.
      const verdict = isPaused ? 'handed back' : await take(turn);
      if (verdict === 'failed') throw new UnrecoverableError('the generation failed');
      if (verdict === 'retry') throw new Error('to be tried again');
      if (verdict === 'handed back') {
        await job.moveToWait(token);
        throw new WaitingError();
      }
    },
    {
      connection: options.connection,
      prefix: KEY_PREFIX,
      autorun: false,
      concurrency: options.concurrency,
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_CHECK_MS,
      maxStalledCount: STALLS_MAX,
      // Connection errors are retried for ever; this is how long in between.
      runRetryDelay: 1000,
    },
  );
  const stop = (jobId: string, reason: StopReason) => worker.cancelJob(jobId, reason);
  worker.on('error', (error) => logger.debug({ err: error }, 'queue'));
  worker.on('stalled', (job) => logger.warn({ job }, 'its worker went away; the job waits again'));
  worker.on('lockRenewalFailed', (jobs) => {
    for (const job of jobs) stop(job, 'lock lost');
  });
  worker.on('failed', (job) => {
    if (job?.id === undefined || job.finishedOn === undefined) return;
    const jobId = job.id;
    options.onGivenUp(jobId).catch((error) => logger.error({ err: error, job: jobId }, 'cannot end a job'));
  });
  return {
    async resume() {
      isPaused = false;
      await worker.resume();
    },
    async pause() {
      isPaused = true;
      await worker.pause(true);
    },
    cancel: (jobId) => void stop(jobId, 'cancelled'),
    async close(drainMs) {
      const reason: StopReason = 'draining';
      const timer = setTimeout(() => worker.cancelAllJobs(reason), drainMs);
      try {
        await worker.close();
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
