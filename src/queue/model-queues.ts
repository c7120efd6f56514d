import { Queue, type QueueOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { KEY_PREFIX } from '../contract/redis-keys.ts';

/** The queues that a gateway adds to, one for each model, opened when they are first used. */
export interface ModelQueues {
  use<T>(model: string, call: (queue: Queue) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export function openModelQueues(
  connection: Redis,
  options: Pick<QueueOptions, 'defaultJobOptions' | 'streams'> & { readonly nameOf: (model: string) => string },
): ModelQueues {
  const { nameOf, ...settings } = options;
  const queues = new Map<string, Queue>();
  const queueOf = (model: string) => {
    const known = queues.get(model);
    if (known !== undefined) return known;
    // A gateway answers `unavailable` at once where it would otherwise wait for Redis.
    const queue = new Queue(nameOf(model), { connection, prefix: KEY_PREFIX, skipWaitingForReady: true, ...settings });
    // What goes wrong with the connection is logged by its owner, and every call that it concerns rejects.
    queue.on('error', () => {});
    queues.set(model, queue);
    return queue;
  };
  return {
    async use(model, call) {
      const queue = queueOf(model);
      try {
        return await call(queue);
      } catch (error) {
        // A queue that was made while Redis was away never recovers: the next call makes another.
        queues.delete(model);
        queue.close().catch(() => {});
        throw error;
      }
    },
    async close() {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };
}
