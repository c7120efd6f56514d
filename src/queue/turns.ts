import { type Job, WaitingError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { KEY_PREFIX } from '../contract/redis-keys.ts';
import type { Logger } from '../telemetry/logger.ts';

/** How a worker takes jobs from a BullMQ queue, whatever they are: turns, their verdicts, stalls and lost locks. */

/** What every turn has, besides the job itself. */
export interface TurnOfJob {
  /** True where a failure that could pass is final all the same. */
  readonly isLastTry: boolean;
  /** Aborted with the reason that `cancel` or `cancelAll` was given, or with `lock lost`: another worker has taken the turn over. */
  readonly signal: AbortSignal;
}

/**
 * What became of a turn. `ended`: the job has its end, whatever that is. `retry`: it may succeed later. `handed back`: it was not the
 * job's fault and does not count as a try.
 */
export type TurnVerdict = 'ended' | 'retry' | 'handed back';

export interface TurnTaker {
  /** Takes jobs from now on. */
  resume(): Promise<void>;
  /** Takes no new jobs; those that run go on. */
  pause(): Promise<void>;
  /** Stops a running job; nothing happens if it does not run here. */
  cancel(jobId: string, reason: string): void;
  cancelAll(reason: string): void;
  /** Takes no new jobs, and resolves when those that run have ended. */
  close(): Promise<void>;
}

/**
 * Settings that were measured: with them the job of a killed worker runs again within about 6 s. So short a lock is right only
 * because a worker never blocks its event loop: the model runs in another process.
 */
const LOCK_MS = 5000;
const STALLED_CHECK_MS = 2000;
/** Workers that may die under a job before it is given up. Counted apart from crashes of the engine. */
const STALLS_MAX = 10;

/** Opens a queue, paused. */
export function openTurnTaker<Data>(options: {
  readonly connection: Redis;
  readonly queue: string;
  readonly concurrency: number;
  /** May throw BullMQ's UnrecoverableError for a job that no other try would help. */
  readonly take: (job: Job<Data>, turn: TurnOfJob) => Promise<TurnVerdict>;
  /** Called when the queue has given a job up, however that came. */
  readonly onGivenUp: (job: Job<Data>) => Promise<void>;
  readonly logger: Logger;
}): TurnTaker {
  const { take, logger, queue } = options;
  let isPaused = true;
  const worker = new Worker<Data>(
    queue,
    async (job: Job<Data>, token?: string, signal?: AbortSignal) => {
      const turn: TurnOfJob = {
        isLastTry: job.attemptsMade + 1 >= (job.opts.attempts ?? 1),
        signal: signal ?? new AbortController().signal,
      };
      // BullMQ gives one more job to a worker that was waiting for one when it was paused.
      const verdict = isPaused ? 'handed back' : await take(job, turn);
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
  worker.on('error', (error) => logger.debug({ err: error, queue }, 'queue'));
  worker.on('stalled', (job) => logger.warn({ job, queue }, 'its worker went away; the job waits again'));
  worker.on('lockRenewalFailed', (jobs) => {
    for (const job of jobs) worker.cancelJob(job, 'lock lost');
  });
  worker.on('failed', (job) => {
    if (job?.finishedOn === undefined) return;
    options.onGivenUp(job).catch((error) => logger.error({ err: error, job: job.id, queue }, 'cannot end a job'));
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
    cancel: (jobId, reason) => void worker.cancelJob(jobId, reason),
    cancelAll: (reason) => worker.cancelAllJobs(reason),
    close: () => worker.close(),
  };
}
