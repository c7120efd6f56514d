import { UnrecoverableError } from 'bullmq';
import type { Redis } from 'ioredis';
import { queueName } from '../contract/redis-keys.ts';
import type { Logger } from '../telemetry/logger.ts';
import { openTurnTaker, type TurnOfJob, type TurnVerdict } from './turns.ts';

/** A job whose turn it is. Its signal is aborted with a `StopReason`. */
export interface Turn extends TurnOfJob {
  readonly id: string;
}

/** Why a running job must stop: somebody cancelled it, its deadline passed, the worker stops, or its lock went to another worker. */
export type StopReason = 'cancelled' | 'overdue' | 'draining' | 'lock lost';

/** `failed`: the job has an end that no other try would change, and counts as failed in the queue too. */
export type Verdict = TurnVerdict | 'failed';

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
  const { connection, model, concurrency, take, onGivenUp, logger } = options;
  const turns = openTurnTaker({
    connection,
    queue: queueName(model),
    concurrency,
    async take({ id = '' }, turn) {
      const verdict = await take({ ...turn, id });
      if (verdict === 'failed') throw new UnrecoverableError('the generation failed');
      return verdict;
    },
    async onGivenUp({ id }) {
      if (id !== undefined) await onGivenUp(id);
    },
    logger,
  });
  return {
    resume: turns.resume,
    pause: turns.pause,
    cancel: (jobId) => turns.cancel(jobId, 'cancelled' satisfies StopReason),
    async close(drainMs) {
      const timer = setTimeout(() => turns.cancelAll('draining' satisfies StopReason), drainMs);
      try {
        await turns.close();
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
