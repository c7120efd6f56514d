import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { ServiceError } from '../contract/errors.ts';
import { BLOBS_KEY, condemnedKey, holdersKey, loraKey, recordKey } from '../contract/redis-keys.ts';
import { CONDEMN, HOLD, RELEASE, REMOVED } from './ledger-scripts.ts';

/**
 * Who still needs a blob. Whoever is going to need one says so before it is stored; a sweep takes away what nobody holds. A holder is
 * the name of a record in Redis, and holds for as long as that record says so: nothing has to be given back by somebody who may have
 * died. Blobs that are not in this ledger, because another Redis knows them, are never touched.
 */
export interface BlobLedger {
  /** To be called before the blob is stored, however it is. Waits where a sweep is just removing it; `unavailable` if that takes too long. */
  hold(sha256: string, holder: Holder): Promise<void>;
  release(sha256: string, holder: Holder): Promise<void>;
  /** Blobs that it is time to look at, at most `limit`. */
  due(limit: number): Promise<readonly string[]>;
  /** True if nobody holds the blob: then nobody can until `removed` is called, at the latest for `CONDEMNED_MS`. */
  condemn(sha256: string): Promise<boolean>;
  removed(sha256: string): Promise<void>;
}

/** The name of what holds a blob; `CONDEMN` in `ledger-scripts.ts` knows how long each kind does. */
export type Holder = string & { readonly __holder: never };

/** A job's result: for as long as it can be read. */
export const resultHolder = (jobId: string) => `result ${recordKey(jobId)}` as Holder;

/** A job that will need the file: until it has ended. */
export const jobHolder = (jobId: string) => `job ${recordKey(jobId)}` as Holder;

/** A LoRA of the registry: until it is deleted. */
export const loraHolder = (owner: string, id: string) => `lora ${loraKey(owner, id)}` as Holder;

/** Somebody who is about to put another holder in its place, `purpose` being its own. */
export const passingHolder = (untilMs: number, purpose: string) => `until ${untilMs} ${purpose}` as Holder;

/** How long a blob stays condemned by a sweep that has died. Removing one must not take nearly as long. */
export const CONDEMNED_MS = 180_000;

const WAIT_MS = 10_000;
const ASK_AGAIN_MS = 100;

export function createBlobLedger(redis: Redis): BlobLedger {
  const keysOf = (sha256: string) => [holdersKey(sha256), BLOBS_KEY, condemnedKey(sha256)];
  return {
    async hold(sha256, holder) {
      const deadline = performance.now() + WAIT_MS;
      while ((await HOLD(redis, keysOf(sha256), [sha256, holder])) !== 1) {
        if (performance.now() > deadline) throw new ServiceError('unavailable', `blob ${sha256} is being removed`);
        await delay(ASK_AGAIN_MS);
      }
    },
    async release(sha256, holder) {
      await RELEASE(redis, keysOf(sha256), [sha256, holder]);
    },
    async due(limit) {
      const [seconds] = await redis.time();
      return await redis.zrangebyscore(BLOBS_KEY, 0, Number(seconds) * 1000, 'LIMIT', 0, limit);
    },
    async condemn(sha256) {
      return (await CONDEMN(redis, keysOf(sha256), [sha256, CONDEMNED_MS])) === 1;
    },
    async removed(sha256) {
      await REMOVED(redis, keysOf(sha256), [sha256]);
    },
  };
}
