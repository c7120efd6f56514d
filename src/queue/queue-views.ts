import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { KEY_PREFIX, queueName } from '../contract/redis-keys.ts';

/** BullMQ's queues, to be looked at: nothing is added to them here. */
export interface QueueViews {
  /** One for each model. */
  of(models: readonly string[]): readonly Queue[];
  close(): Promise<void>;
}

export function openQueueViews(connection: Redis): QueueViews {
  const queues = new Map<string, Queue>();
  const view = (model: string) => {
    const known = queues.get(model);
    if (known !== undefined) return known;
    const queue = new Queue(queueName(model), { connection, prefix: KEY_PREFIX, skipWaitingForReady: true });
    // What goes wrong with the connection is logged by its owner.
    queue.on('error', () => {});
    queues.set(model, queue);
    return queue;
  };
  return {
    of: (models) => models.map(view),
    async close() {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };
}
