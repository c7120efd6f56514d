import { VERSION } from './version.ts';

/**
 * The name of everything that gateways and workers share in Redis. The braces put all of it into one slot of a Redis Cluster, so
 * that a script may touch a job's record and its events together.
 */
export const KEY_PREFIX = '{overtone}';

/** Hash: what a job is, where it stands, what came of it. */
export const recordKey = (jobId: string) => `${KEY_PREFIX}:job:${jobId}`;

/**
 * Hash: a LoRA's receipt, under the hash of its text; how many jobs that have not ended were accepted with it, and until when the
 * results of those that have are kept. It expires with the last of them.
 */
export const receiptKey = (sha256: string) => `${KEY_PREFIX}:receipt:${sha256}`;

/** Stream: the job's events, each in a field `event`. */
export const eventsKey = (jobId: string) => `${KEY_PREFIX}:events:${jobId}`;

/** Stream of one gateway's event reader: an entry in it ends the reader's blocking read. */
export const wakeKey = (readerId: string) => `${KEY_PREFIX}:wake:${readerId}`;

/** Pub/sub channel: ids of running jobs that are to be cancelled. */
export const CANCEL_CHANNEL = `${KEY_PREFIX}:cancel`;

/** Hash that expires: which job an owner's idempotency key made. `keySha256`: a client's text never becomes part of a name. */
export const idempotencyKey = (owner: string, keySha256: string) => `${KEY_PREFIX}:idempotency:${owner}:${keySha256}`;

/** String that expires: whose a job was whose record has expired. */
export const tombstoneKey = (jobId: string) => `${KEY_PREFIX}:tombstone:${jobId}`;

/** Sorted set: ids of all jobs that have not ended, by the time they were accepted. */
export const UNENDED_KEY = `${KEY_PREFIX}:unended`;

/** Sorted set of one owner: ids of its jobs that have not ended, by priority: 0 high, 1 normal, 2 low. */
export const outstandingKey = (owner: string) => `${KEY_PREFIX}:outstanding:${owner}`;

/** Sorted set of one model: ids of its jobs that wait, in the order in which they will run. */
export const waitingKey = (model: string) => `${KEY_PREFIX}:waiting:${model}`;

/** Set of one model: ids of its jobs that a worker has. */
export const runningKey = (model: string) => `${KEY_PREFIX}:running:${model}`;

/** Counter: keeps jobs of the same place in the order of their acceptance. */
export const TURNS_KEY = `${KEY_PREFIX}:turns`;

/** Sorted set: ids of jobs with a deadline, by the time at which it passes. */
export const DEADLINES_KEY = `${KEY_PREFIX}:deadlines`;

/** Hash that expires: what jobs of one model took of late. */
export const paceKey = (model: string) => `${KEY_PREFIX}:pace:${model}`;

/** String that expires: which gateway looks after forgotten jobs at present. */
export const CARETAKER_KEY = `${KEY_PREFIX}:caretaker`;

/** Hash: API keys by kid. */
export const API_KEYS_KEY = `${KEY_PREFIX}:api-keys`;

/** String that expires: how far an owner's calls are ahead of their rate. */
export const rateKey = (owner: string) => `${KEY_PREFIX}:rate:${owner}`;

/** Counter that expires: pictures that an owner has asked for on one day, `2026-01-31`. */
export const picturesKey = (owner: string, day: string) => `${KEY_PREFIX}:pictures:${owner}:${day}`;

/** String that expires: a worker's latest report. */
export const workerKey = (workerId: string) => `${KEY_PREFIX}:worker:${workerId}`;

/** String that expires: written to find out whether Redis takes writes. */
export const PROBE_KEY = `${KEY_PREFIX}:probe`;

/** Sorted set: ids of ended jobs whose webhook is to be delivered, by the time of the next try. */
export const WEBHOOKS_KEY = `${KEY_PREFIX}:webhooks`;

/** Hash: how often the webhook of a job was tried. */
export const WEBHOOK_TRIES_KEY = `${KEY_PREFIX}:webhook-tries`;

/** Hash: the secrets with which an owner's webhooks are signed. */
export const WEBHOOK_SECRETS_KEY = `${KEY_PREFIX}:webhook-secrets`;

/** String that expires: what a worker and its engine have measured. */
export const metricsKey = (workerId: string) => `${KEY_PREFIX}:metrics:${workerId}`;

/** Sorted set: worker ids by the time, in milliseconds, of their last report. */
export const WORKERS_KEY = `${KEY_PREFIX}:workers`;

/** Sorted set: ids of all models that a worker ever had, by the time of the last report. */
export const MODELS_KEY = `${KEY_PREFIX}:models`;

/** String that expires: what a worker last said of a model, in the words of this version. */
export const modelKey = (model: string) => `${KEY_PREFIX}:model:${VERSION}:${model}`;

/** BullMQ's queue of one model. Its names hold no colon, nor may a folder's name bring one in. */
export const queueName = (model: string) => `generations-${encodeURIComponent(model)}`;

/** BullMQ's queue of the LoRAs of one model that are to be measured. */
export const profileQueueName = (model: string) => `profiles-${encodeURIComponent(model)}`;

/** Hash: BullMQ's record of a LoRA that waits to be measured, or is being measured. */
export const profileOrderKey = (model: string, loraSha256: string) =>
  `${KEY_PREFIX}:${profileQueueName(model)}:${loraSha256}`;

/** Hash: the profile of a LoRA on a model, both named by their bytes, and why it could not be measured. It does not expire. */
export const profileKey = (modelSha256: string, loraSha256: string) =>
  `${KEY_PREFIX}:profile:${modelSha256}:${loraSha256}`;

/** Sorted set: hashes of all blobs, by the time at which a sweep looks whether somebody still holds them. */
export const BLOBS_KEY = `${KEY_PREFIX}:blobs`;

/** Set of one blob: who holds it. */
export const holdersKey = (sha256: string) => `${KEY_PREFIX}:blob:${sha256}`;

/** String that expires: a sweep removes this blob at this moment. */
export const condemnedKey = (sha256: string) => `${KEY_PREFIX}:condemned:${sha256}`;

/** String that expires: which gateway sweeps at present. */
export const SWEEPER_KEY = `${KEY_PREFIX}:sweeper`;

/** String: what links to pictures are signed with. */
export const LINK_SECRET_KEY = `${KEY_PREFIX}:link-secret`;

/** Hash: an uploaded LoRA. An owner's name is written so that no two owners share a key. */
export const loraKey = (owner: string, id: string) => `${KEY_PREFIX}:lora:${encodeURIComponent(owner)}:${id}`;

/** Sorted set of one owner, by name alone: ids of its LoRAs. */
export const loraIdsKey = (owner: string) => `${KEY_PREFIX}:lora-ids:${encodeURIComponent(owner)}`;

/** Hash of one owner: ids of its LoRAs by what they are called. */
export const loraNamesKey = (owner: string) => `${KEY_PREFIX}:lora-names:${encodeURIComponent(owner)}`;

/** Sorted set of one owner, by name alone: `sha256:id` of its LoRAs. */
export const loraHashesKey = (owner: string) => `${KEY_PREFIX}:lora-hashes:${encodeURIComponent(owner)}`;
