import type { Redis } from 'ioredis';
import type { ProfileOrder, ProfileState } from '../contract/lora-profile.ts';
import { profileQueueName } from '../contract/redis-keys.ts';
import type { Logger } from '../telemetry/logger.ts';
import { openModelQueues } from './model-queues.ts';
import { openTurnTaker, type TurnOfJob, type TurnVerdict } from './turns.ts';

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

/** A LoRA whose turn it is. Its signal is aborted when the worker stops, or another has taken the turn over. */
export interface ProfileTurn extends TurnOfJob {
  readonly order: ProfileOrder;
  report(progress: ProfileState['progress']): Promise<void>;
}

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
  const { use, close } = openModelQueues(connection, {
    nameOf: profileQueueName,
    // Nothing stays of a job that has ended, so that the same LoRA can be ordered again.
    defaultJobOptions: {
      attempts: TRIES,
      backoff: { type: 'exponential', delay: 1000 },
      removeOnComplete: true,
      removeOnFail: true,
    },
    streams: { events: { maxLen: 100 } },
  });
  return {
    order: (model, order) =>
      use(model, async (queue) => void (await queue.add('profile', order, { jobId: order.lora.sha256 }))),
    progress: (model, loraSha256) =>
      use(model, async (queue) => {
        const job = await queue.getJob(loraSha256);
        if (job === undefined) return undefined;
        return typeof job.progress === 'object' ? (job.progress as ProfileState['progress']) : null;
      }),
    close,
  };
}

/** Opens the queue of one model, paused. One LoRA is measured at a time. */
export function openProfileConsumer(options: {
  readonly connection: Redis;
  readonly model: string;
  readonly take: (turn: ProfileTurn) => Promise<TurnVerdict>;
  /** Called when the queue has given one up, however that came. */
  readonly onGivenUp: (order: ProfileOrder) => Promise<void>;
  readonly logger: Logger;
}): ProfileConsumer {
  const { connection, model, take, onGivenUp, logger } = options;
  const turns = openTurnTaker<ProfileOrder>({
    connection,
    queue: profileQueueName(model),
    concurrency: 1,
    take: (job, turn) => take({ ...turn, order: job.data, report: (progress) => job.updateProgress(progress ?? {}) }),
    onGivenUp: (job) => onGivenUp(job.data),
    logger,
  });
  return {
    resume: turns.resume,
    pause: turns.pause,
    async close() {
      await turns.pause();
      turns.cancelAll('draining');
      await turns.close();
    },
  };
}
