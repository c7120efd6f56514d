import { type Job, Queue, WaitingError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { ProfileOrder, ProfileState } from '../contract/lora-profile.ts';
import { KEY_PREFIX, profileQueueName } from '../contract/redis-keys.ts';
import type { Logger } from '../telemetry/logger.ts';

/**
 * LoRAs that wait to be measured: a queue beside that of the generations, so that neither waits in the other's line. A LoRA is in it
 * once, however many ask for it. That a generation goes first where both run on one device is the engine's to see to
 * (`engine/right-of-way.ts`).
 */

export interface ProfileProducer {
  /** Nothing happens where the LoRA waits already, or is being measured. */
  order(model: string, order: ProfileOrder): Promise<void>;
  /** How far it is: undefined where the LoRA neither waits nor is being measured. */
  progress(model: string, loraSha256: string): Promise<ProfileState['progress'] | undefined>;
  close(): Promise<void>;
}

/** A LoRA whose turn it is. */
export interface ProfileTurn {
  readonly order: ProfileOrder;
  /** True where a failure that could pass is final all the same. */
  readonly isLastTry: boolean;
  /** Aborted when the worker stops, or another has taken the turn over. */
  readonly signal: AbortSignal;
  report(progress: ProfileState['progress']): Promise<void>;
}

/** `ended`: there is a profile, or a reason why not. `retry`: it may succeed later. `handed back`: it does not count as a try. */
export type ProfileVerdict = 'ended' | 'retry' | 'handed back';

export interface ProfileConsumer {
  resume(): Promise<void>;
  /** Takes no new ones; the one that is being measured goes on. */
  pause(): Promise<void>;
  /** What is being measured goes back to the queue at once. */
  close(): Promise<void>;
}

/** Twice: a profile that makes the engine die takes down the generations beside it, and must not do so often. */
const TRIES = 2;

export function createProfileProducer(connection: Redis): ProfileProducer {
  const queues = new Map<string, Queue>();
  const queueOf = (model: string) => {
    const known = queues.get(model);
    if (known !== undefined) return known;
    const queue = new Queue(profileQueueName(model), {
      connection,
      prefix: KEY_PREFIX,
      skipWaitingForReady: true,
      // Nothing stays of a job that has ended, so that the same LoRA can be ordered again.
      defaultJobOptions: {
        attempts: TRIES,
        backoff: { type: 'exponential', delay: 1000 },
        removeOnComplete: true,
        removeOnFail: true,
      },
      streams: { events: { maxLen: 100 } },
    });
    queue.on('error', () => {});
    queues.set(model, queue);
    return queue;
  };
  /** A queue that was made while Redis was away never recovers: after a failure the next call makes another. */
  const use = async <T>(model: string, call: (queue: Queue) => Promise<T>): Promise<T> => {
    const queue = queueOf(model);
    try {
      return await call(queue);
    } catch (error) {
      queues.delete(model);
      queue.close().catch(() => {});
      throw error;
    }
  };
  return {
    order: (model, order) =>
      use(model, async (queue) => void (await queue.add('profile', order, { jobId: order.lora.sha256 }))),
    progress: (model, loraSha256) =>
      use(model, async (queue) => {
        const job = await queue.getJob(loraSha256);
        if (job === undefined) return undefined;
        return typeof job.progress === 'object' ? (job.progress as ProfileState['progress']) : null;
      }),
    async close() {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };
}

/** The same as for generations, and for the same reasons: `consumer.ts`. */
const LOCK = { lockDuration: 5000, stalledInterval: 2000, maxStalledCount: 10 };

/** Opens the queue of one model, paused. One LoRA is measured at a time. */
export function openProfileConsumer(options: {
  readonly connection: Redis;
  readonly model: string;
  readonly take: (turn: ProfileTurn) => Promise<ProfileVerdict>;
  /** Called when the queue has given one up, however that came. */
  readonly onGivenUp: (order: ProfileOrder) => Promise<void>;
  readonly logger: Logger;
}): ProfileConsumer {
  const { take, logger } = options;
  let isPaused = true;
  const worker = new Worker<ProfileOrder>(
    profileQueueName(options.model),
    async (job: Job<ProfileOrder>, token?: string, signal?: AbortSignal) => {
      const turn: ProfileTurn = {
        order: job.data,
        isLastTry: job.attemptsMade + 1 >= (job.opts.attempts ?? 1),
        signal: signal ?? new AbortController().signal,
        report: (progress) => job.updateProgress(progress ?? {}),
      };
      // BullMQ gives one more job to a worker that was waiting for one when it was paused.
      const verdict = isPaused ? 'handed back' : await take(turn);
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
      concurrency: 1,
      ...LOCK,
      runRetryDelay: 1000,
    },
  );
  worker.on('error', (error) => logger.debug({ err: error }, 'queue of profiles'));
  worker.on('lockRenewalFailed', (jobs) => {
    for (const job of jobs) worker.cancelJob(job, 'lock lost');
  });
  worker.on('failed', (job) => {
    if (job?.finishedOn === undefined) return;
    options.onGivenUp(job.data).catch((error) => logger.error({ err: error }, 'cannot end a profile'));
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
    async close() {
      isPaused = true;
      worker.cancelAllJobs('draining');
      await worker.close();
    },
  };
}
