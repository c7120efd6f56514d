import type { Redis } from 'ioredis';
import { CANCEL_CHANNEL } from '../contract/redis-keys.ts';

/**
 * Tells a worker at once which running jobs somebody wants cancelled. `redis` must be a connection of its own. A message that is
 * lost while Redis is away is made up for: the journal answers the job's next event with `cancel`.
 */
export async function listenForCancels(redis: Redis, onCancel: (jobId: string) => void): Promise<void> {
  redis.on('message', (_channel, jobId) => onCancel(jobId));
  await redis.subscribe(CANCEL_CHANNEL);
}
