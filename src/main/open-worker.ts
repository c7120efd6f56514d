import { randomUUID } from 'node:crypto';
import { environmentOf, type Settings } from '../config/settings.ts';
import { problemDetails, ServiceError } from '../contract/errors.ts';
import type { WorkerReport } from '../contract/worker-report.ts';
import { listenForCancels } from '../queue/cancel-channel.ts';
import { openConsumer } from '../queue/consumer.ts';
import { openBlobFiles } from '../store/blob-files.ts';
import { createBlobLedger, resultHolder } from '../store/blob-ledger.ts';
import { createJobJournal } from '../store/job-journal.ts';
import { keepBlob } from '../store/keep-blob.ts';
import { createMetricsBoard } from '../store/metrics-board.ts';
import { openBlobStore } from '../store/open-blob-store.ts';
import { createWorkerRegistry } from '../store/worker-registry.ts';
import type { Logger } from '../telemetry/logger.ts';
import { openTracing } from '../telemetry/tracing.ts';
import { createWorkerMetrics } from '../telemetry/worker-metrics.ts';
import { EngineProcess, type EngineState } from '../worker/engine-process.ts';
import { startHeartbeat } from '../worker/heartbeat.ts';
import { withLoraFiles } from '../worker/lora-leases.ts';
import { startMetricsReport } from '../worker/metrics-report.ts';
import { observeJournal } from '../worker/observe-journal.ts';
import { type RunJobEffects, runJob } from '../worker/run-job.ts';
import { traceJournal } from '../worker/trace-journal.ts';
import { createTurnstile } from '../worker/turnstile.ts';
import { checkRedis } from './check-redis.ts';
import { answersWithin, connectRedis } from './connect-redis.ts';
import { cacheDirectory, existingDirectory, loraDirectory, modelId } from './folders.ts';
import type { Running } from './program.ts';
import { programPath } from './program-path.ts';
import { requireSettings } from './require-setting.ts';
import { openWorkerProfiles } from './worker-profiles.ts';

/**
 * A worker, put together. It takes jobs only while its engine is ready. `fail` is called where it can never be: the checkpoint
 * cannot be served. Every change of the engine's state also goes to `onState`.
 */
export async function openWorker(options: {
  readonly settings: Settings;
  readonly logger: Logger;
  readonly fail: (error: unknown) => void;
  readonly onState: (state: EngineState) => void;
}): Promise<Running> {
  const { settings, logger } = options;
  requireSettings(settings, 'redisUrl', 'model');
  await existingDirectory('OVERTONE_MODEL', settings.model);
  const loras = await loraDirectory(settings);
  const { redisUrl } = settings;
  const blobs = await openBlobStore(settings);
  const files = await openBlobFiles({
    blobs,
    directory: cacheDirectory(settings, `worker-${settings.device.replace(':', '-')}`),
    maxBytes: settings.cacheMib * 2 ** 20,
  });
  const connect = () => connectRedis({ url: redisUrl, use: 'patient', logger });
  const redis = connect();
  await answersWithin(redis, REDIS_MS);
  await checkRedis(redis, logger);
  const queueRedis = connect();
  const profileRedis = connect();
  const cancelRedis = connect();
  const journal = createJobJournal(redis, settings.resultLifetimeS);
  const ledger = createBlobLedger(redis);
  const about = { worker: randomUUID(), model: modelId(settings.model), device: settings.device };

  const tracing = await openTracing(settings.traces, 'worker');
  const metrics = createWorkerMetrics();
  const report = startMetricsReport({
    board: createMetricsBoard(redis),
    workerId: about.worker,
    metrics,
    labels: about,
    logger,
  });
  const engine = new EngineProcess({
    program: programPath('engine'),
    env: environmentOf(settings),
    onState: (state) => {
      // Told only once the gateways know it too: whoever hears that a worker is ready submits at once.
      const reported = heartbeat.beat();
      if (state.kind !== 'refused') void reported.then(() => options.onState(state));
      else options.onState(state);
      if (state.kind === 'ready') {
        void consumer.resume();
        profiles.resume(state.model).catch((error) => logger.warn({ err: error }, 'cannot measure LoRAs'));
      } else {
        void consumer.pause();
        void profiles.pause();
      }
      if (state.kind === 'refused') options.fail(new ServiceError('unsupported_checkpoint', state.error.detail));
    },
    onMetrics: report.setEngine,
    patience: { cancelMs: settings.cancelGraceS * 1000, silenceMs: settings.engineSilenceS * 1000 },
    logger,
  });
  const effects: RunJobEffects = {
    journal: observeJournal(traceJournal(journal, tracing), metrics, () => performance.now()),
    keepPicture: (bytes, jobId) => keepBlob({ ledger, blobs }, bytes, resultHolder(jobId)),
    engine: withLoraFiles(engine, files),
    turnstile: createTurnstile(),
    now: () => performance.now(),
    logger,
  };
  const consumer = openConsumer({
    connection: queueRedis,
    model: about.model,
    concurrency: settings.concurrency,
    async take(turn) {
      metrics.liveJobs.inc();
      try {
        return await runJob(turn, effects);
      } finally {
        metrics.liveJobs.dec();
      }
    },
    onGivenUp: async (jobId) => {
      const problem = problemDetails(new ServiceError('worker_lost', 'the queue has given the job up'));
      if (await journal.abandon(jobId, problem)) logger.error({ job: jobId }, 'given up by the queue');
    },
    logger,
  });
  const profiles = openWorkerProfiles({
    settings,
    model: about.model,
    loras,
    redis,
    queueRedis: profileRedis,
    engine: withLoraFiles(engine, files),
    logger,
  });
  const heartbeat = startHeartbeat({
    registry: createWorkerRegistry(redis, Date.now),
    workerId: about.worker,
    report: () => reportOf(engine, about),
    logger,
  });
  // Not awaited: where Redis is away, it is listened for as soon as it is there.
  listenForCancels(cancelRedis, (jobId) => consumer.cancel(jobId)).catch((error) => {
    logger.warn({ err: error }, 'cannot listen for cancels; a cancel takes effect with the next step');
  });
  engine.start();

  return {
    async close() {
      report.close();
      await heartbeat.stop();
      await profiles.close();
      await consumer.close(settings.drainS * 1000);
      await engine.close();
      blobs.close();
      await tracing.close();
      for (const connection of [redis, queueRedis, profileRedis, cancelRedis]) connection.disconnect();
    },
  };
}

/** How long a start waits for Redis, to see what it does with what it is given. */
const REDIS_MS = 2000;

function reportOf(
  engine: EngineProcess,
  worker: { readonly worker: string; readonly model: string; readonly device: string },
): WorkerReport | undefined {
  const { state, knownModel } = engine;
  switch (state.kind) {
    case 'loading': {
      const { part, done, total } = state;
      return { ...worker, state: 'loading', part, done, total, descriptor: knownModel ?? null };
    }
    case 'ready':
      return { ...worker, device: state.model.device, state: 'ready', descriptor: state.model };
    case 'refused':
      return undefined;
  }
}
