import { VERSION } from './version.ts';

/**
 * The name of everything that gateways and workers share in Redis. The braces put all of it into one slot of a Redis Cluster, so
 * that a script may touch a job's record and its events together.
 */
export const KEY_PREFIX = '{overtone}';

/** Hash: what a job is, where it stands, what came of it. */
export const recordKey = (jobId: string) => `${KEY_PREFIX}:job:${jobId}`;

/** Stream: the job's events, each in a field `event`. */
export const eventsKey = (jobId: string) => `${KEY_PREFIX}:events:${jobId}`;

/** Stream of one gateway's event reader: an entry in it ends the reader's blocking read. */
export const wakeKey = (readerId: string) => `${KEY_PREFIX}:wake:${readerId}`;

/** Pub/sub channel: ids of running jobs that are to be cancelled. */
export const CANCEL_CHANNEL = `${KEY_PREFIX}:cancel`;

/** String that expires: a worker's latest report. */
export const workerKey = (workerId: string) => `${KEY_PREFIX}:worker:${workerId}`;

/** Sorted set: worker ids by the time, in milliseconds, of their last report. */
export const WORKERS_KEY = `${KEY_PREFIX}:workers`;

/** Sorted set: ids of all models that a worker ever had, by the time of the last report. */
export const MODELS_KEY = `${KEY_PREFIX}:models`;

/** String that expires: what a worker last said of a model, in the words of this version. */
export const modelKey = (model: string) => `${KEY_PREFIX}:model:${VERSION}:${model}`;

/** BullMQ's queue of one model. Its names hold no colon, nor may a folder's name bring one in. */
export const queueName = (model: string) => `generations-${encodeURIComponent(model)}`;
