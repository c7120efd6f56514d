import type { Redis } from 'ioredis';
import { queueName } from '../contract/redis-keys.ts';
import { openModelQueues } from './model-queues.ts';

/** Puts jobs into their model's queue. The queue holds ids and turns only; what a job is lies in its record. */
export interface Producer {
  /** Jobs of this model that wait for a worker. */
  countWaiting(model: string): Promise<number>;
  /** Jobs with a lower `place` (1 or more) go first; those of the same place in the order in which they came. */
  add(model: string, jobId: string, place: number): Promise<void>;
  /** Takes a waiting job out. One that a worker has just taken stays; its worker finds that there is nothing to do. */
  remove(model: string, jobId: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * How often a job may fail for reasons that pass (a full disk, an engine that died). Engine crashes have their own, lower limit in
 * `worker/run-job.ts`, and stalls theirs in `turns.ts`.
 */
export const TRIES = 4;

const KEPT = {
  removeOnComplete: { count: 100, age: 3600 },
  removeOnFail: { count: 1000, age: 24 * 3600 },
};

export function createProducer(connection: Redis): Producer {
  const { use, close } = openModelQueues(connection, {
    nameOf: queueName,
    defaultJobOptions: { attempts: TRIES, backoff: { type: 'exponential', delay: 250 }, ...KEPT },
    streams: { events: { maxLen: 1000 } },
  });
  return {
    countWaiting: (model) => use(model, (queue) => queue.getJobCountByTypes('waiting', 'prioritized')),
    add: (model, jobId, place) =>
      use(model, async (queue) => void (await queue.add('generation', {}, { jobId, priority: place }))),
    remove: (model, jobId) => use(model, async (queue) => void (await queue.remove(jobId))),
    close,
  };
}
