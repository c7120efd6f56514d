import type { Redis } from 'ioredis';
import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import { MODELS_KEY, modelKey, PROBE_KEY, WORKERS_KEY, workerKey } from '../contract/redis-keys.ts';
import type { WorkerReport } from '../contract/worker-report.ts';

/**
 * Which workers live and what they serve, as they last said. A worker that stops saying it is gone after `REPORT_LIFETIME_MS`; what
 * it said of its model is remembered for a week.
 */
export interface WorkerRegistry {
  /** To be called again well within `REPORT_LIFETIME_MS`. */
  report(report: WorkerReport): Promise<void>;
  withdraw(workerId: string): Promise<void>;
  list(): Promise<readonly WorkerReport[]>;
  /** Resolves where Redis takes what is written, and rejects where it only answers: one that is full, or a copy. */
  probe(): Promise<void>;
  /** Ids of every model that a worker has served, now or in the last week. */
  modelNames(): Promise<readonly string[]>;
  /** True if a worker has served this model, now or in the last week. */
  isKnownModel(model: string): Promise<boolean>;
  /** What workers said of every model that was ready now or in the last week, by id. */
  knownModels(): Promise<readonly ModelDescriptor[]>;
}

export const REPORT_LIFETIME_MS = 10_000;

/** Far beyond any difference of clocks; only keeps the set of names short. */
const WORKER_MEMORY_MS = 3600 * 1000;
const MODEL_MEMORY_MS = 7 * 24 * 3600 * 1000;

export function createWorkerRegistry(redis: Redis, now: () => number): WorkerRegistry {
  const parseReports = rememberedTexts<WorkerReport>();
  const parseDescriptors = rememberedTexts<ModelDescriptor>();
  return {
    async report(report) {
      const time = now();
      const changes = redis.multi();
      if (report.descriptor !== null) {
        changes.set(modelKey(report.model), JSON.stringify(report.descriptor), 'PX', MODEL_MEMORY_MS);
      }
      await changes
        .set(workerKey(report.worker), JSON.stringify(report), 'PX', REPORT_LIFETIME_MS)
        .zadd(WORKERS_KEY, time, report.worker)
        .zadd(MODELS_KEY, time, report.model)
        .zremrangebyscore(WORKERS_KEY, 0, time - WORKER_MEMORY_MS)
        .zremrangebyscore(MODELS_KEY, 0, time - MODEL_MEMORY_MS)
        .exec();
    },
    async withdraw(workerId) {
      await redis.multi().del(workerKey(workerId)).zrem(WORKERS_KEY, workerId).exec();
    },
    async list() {
      const workers = await redis.zrange(WORKERS_KEY, 0, '-1');
      if (workers.length === 0) return [];
      return parseReports(await redis.mget(workers.map(workerKey)));
    },
    async probe() {
      await redis.set(PROBE_KEY, now(), 'PX', REPORT_LIFETIME_MS);
    },
    modelNames: () => redis.zrange(MODELS_KEY, 0, '-1'),
    async isKnownModel(model) {
      return (await redis.zscore(MODELS_KEY, model)) !== null;
    },
    async knownModels() {
      const models = await redis.zrange(MODELS_KEY, 0, '-1');
      if (models.length === 0) return [];
      return parseDescriptors(await redis.mget(models.sort().map(modelKey)));
    },
  };
}

/**
 * Parses what was not there the last time. A worker says the same for days: so it stays the same object, and with it everything
 * that is remembered by it, such as what each LoRA does to its model.
 */
function rememberedTexts<T>(): (texts: readonly (string | null)[]) => readonly T[] {
  let known: ReadonlyMap<string, T> = new Map();
  return (texts) => {
    const there = texts.filter((text) => text !== null);
    known = new Map(there.map((text) => [text, known.get(text) ?? (JSON.parse(text) as T)]));
    return [...known.values()];
  };
}
