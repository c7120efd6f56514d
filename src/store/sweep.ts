import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { SWEEPER_KEY } from '../contract/redis-keys.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type BlobLedger, CONDEMNED_MS } from './blob-ledger.ts';
import type { BlobStore } from './blob-store.ts';
import { keepRounds } from './rounds.ts';

/**
 * Removes blobs that nobody holds any more. Every gateway may do it: one has the turn at a time, so that the work is done once, and
 * if two had it nothing would come of it, because the ledger condemns a blob once.
 */

/** One sweep's work, so that a gateway that was away for long does not do nothing else. */
const BLOBS_A_SWEEP = 1000;
const SWEEP_EVERY_MS = 60_000;

export interface SweepParts {
  readonly ledger: BlobLedger;
  readonly blobs: BlobStore;
  readonly logger: Logger;
}

/** Resolves with how many blobs were removed. */
export async function sweep({ ledger, blobs, logger }: SweepParts, limit = BLOBS_A_SWEEP): Promise<number> {
  let removed = 0;
  for (const sha256 of await ledger.due(limit)) {
    const asked = performance.now();
    if (!(await ledger.condemn(sha256))) continue;
    // This process may have stood still since. Then the blob may be somebody's again, and the next sweep decides anew.
    if (performance.now() - asked > CONDEMNED_MS / 3) continue;
    await blobs.remove(sha256);
    await ledger.removed(sha256);
    removed++;
  }
  await blobs.tidy();
  if (removed > 0) logger.info({ removed }, 'removed blobs that nobody holds');
  return removed;
}

/** Sweeps now and then until the returned function is called, which resolves when the last sweep has ended. */
export function keepSweeping(parts: SweepParts & { readonly redis: Redis }): () => Promise<void> {
  const { redis, logger } = parts;
  const name = randomUUID();
  const turn = async () => {
    try {
      // Another has the turn for most of an interval: whoever asks next after that.
      const isOurs = await redis.set(SWEEPER_KEY, name, 'PX', Math.round(0.9 * SWEEP_EVERY_MS), 'NX');
      if (isOurs !== null) await sweep(parts);
    } catch (error) {
      logger.warn({ err: error }, 'could not sweep blobs; the next sweep will');
    }
  };
  return keepRounds(turn, () => SWEEP_EVERY_MS * (0.5 + Math.random()));
}
