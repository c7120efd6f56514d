/**
 * The engine's program: a worker's child, which holds the model, runs `generate()` for every live job, and measures LoRAs where
 * no job is live. It speaks
 * `contract/engine-protocol.ts` over its channel and ends when that closes, so nothing is left behind a worker that was killed.
 */
import { parseSettings } from '../config/settings.ts';
import type { FromEngine, LoraPaths, ToEngine } from '../contract/engine-protocol.ts';
import { problemDetails } from '../contract/errors.ts';
import type { ProfileEvent } from '../contract/lora-profile.ts';
import type { PipelineEvent } from '../contract/pipeline-event.ts';
import { observeSteps } from '../engine/observe-steps.ts';
import { type Engine, openEngine } from '../engine/open-engine.ts';
import { createRightOfWay } from '../engine/right-of-way.ts';
import { createStageSpans } from '../engine/trace-stages.ts';
import { generate } from '../pipeline/generate.ts';
import { profileAdapters } from '../pipeline/profile-adapter.ts';
import { createEngineMetrics } from '../telemetry/engine-metrics.ts';
import { createLogger } from '../telemetry/logger.ts';
import { takeSnapshot } from '../telemetry/metrics-snapshot.ts';
import { openTracing } from '../telemetry/tracing.ts';
import { loraDirectory } from './folders.ts';
import { requireSettings } from './require-setting.ts';

const settings = parseSettings(process.env, []);
const logger = createLogger({ program: 'engine', level: settings.logLevel });
const metrics = createEngineMetrics();
const tracing = await openTracing(settings.traces, 'engine');
const controllers = new Map<string, AbortController>();
/** Of the work that goes on: where its LoRA files lie. */
const files = new Map<string, LoraPaths>();
const rightOfWay = createRightOfWay();

/** Well within what a worker's report lives. Above the start, which would not see it below. */
const METRICS_MS = 2000;

const engine = await open();
if (engine !== undefined) serve(engine);

async function open(): Promise<Engine | undefined> {
  process.on('disconnect', () => process.exit(0));
  // A worker that was killed while this process was starting has closed the channel before anybody listened.
  if (!process.connected) process.exit(0);
  try {
    requireSettings(settings, 'model');
    return await openEngine({
      checkpoint: settings.model,
      loras: await loraDirectory(settings),
      loraPath: (sha256) => [...files.values()].find((paths) => paths[sha256] !== undefined)?.[sha256],
      device: settings.device,
      adapterBytes: settings.loraMemoryMib * 2 ** 20,
      ...(settings.threads !== undefined && { threads: settings.threads }),
      metrics,
      onProgress: (progress) => send({ type: 'loading', ...progress }),
      logger,
    });
  } catch (error) {
    logger.fatal({ err: error }, 'the checkpoint cannot be served');
    send({ type: 'unready', error: problemDetails(error) });
    return undefined;
  }
}

function serve(engine: Engine): void {
  process.on('message', (message: ToEngine) => {
    if (message.type === 'run') void run(message, generation(engine, message));
    else if (message.type === 'profile') void run(message, profile(engine, message));
    else if (message.type === 'cancel') controllers.get(message.run)?.abort(new Error('cancelled'));
    else void tracing.close().then(() => process.exit(0));
  });
  setInterval(() => void sendMetrics(engine), METRICS_MS);
  send({ type: 'ready', model: engine.model });
  logger.info({ model: engine.model.id, device: engine.model.device }, 'ready');
}

async function sendMetrics(engine: Engine): Promise<void> {
  const { adapterBytes, featureBytes } = engine.usage();
  metrics.loraCacheBytes.set(adapterBytes);
  metrics.featureCacheBytes.set(featureBytes);
  send({ type: 'metrics', snapshot: await takeSnapshot(metrics.registry) });
}

type Work<Event> = (signal: AbortSignal) => AsyncIterable<Event>;

function generation(
  engine: Engine,
  { request, preview, jobId, trace }: Extract<ToEngine, { type: 'run' }>,
): Work<PipelineEvent> {
  return async function* (signal) {
    const giveUp = rightOfWay.take();
    const span = tracing.begin('run', { parent: trace, attributes: { job: jobId } });
    const stages = createStageSpans(tracing, span);
    try {
      const now = () => performance.now();
      const events = generate(request, engine.model, engine, signal, now, preview, stages.observe);
      yield* observeSteps(events, metrics, { method: request.composition.method, now });
    } finally {
      stages.close();
      span.end();
      giveUp();
    }
  };
}

function profile(engine: Engine, { order }: Extract<ToEngine, { type: 'profile' }>): Work<ProfileEvent> {
  return async function* (signal) {
    const { lora, settings } = order;
    const measuring = profileAdapters({ loras: [lora], settings, model: engine.model, ports: engine, signal });
    try {
      for (;;) {
        await rightOfWay.giveWay(signal);
        const next = await measuring.next();
        if (!next.done) yield { type: 'measured', ...next.value };
        else {
          for (const found of next.value) yield { type: 'profiled', profile: found };
          return;
        }
      }
    } finally {
      await measuring.return([]);
    }
  };
}

/** Runs one piece of work to its end. Never rejects: whatever goes wrong is the run's last message. */
async function run<Event extends PipelineEvent | ProfileEvent>(
  message: Extract<ToEngine, { type: 'run' | 'profile' }>,
  work: Work<Event>,
): Promise<void> {
  const { run } = message;
  const controller = new AbortController();
  controllers.set(run, controller);
  files.set(run, message.files);
  const runLogger = logger.child(
    message.type === 'run' ? { job: message.jobId, run } : { lora: message.order.lora.id, run },
  );
  try {
    for await (const event of work(controller.signal)) {
      send({ type: 'event', run, event });
      if (event.type === 'step') runLogger.debug({ image: event.image, step: event.step, of: event.steps }, 'step');
    }
    send({ type: 'finished', run });
  } catch (error) {
    const cancelled = controller.signal.aborted;
    if (!cancelled) runLogger.error({ err: error }, 'a run failed');
    send({ type: 'failed', run, error: problemDetails(error), cancelled });
  } finally {
    controllers.delete(run);
    files.delete(run);
  }
}

/** A channel that has closed a moment ago is no error here: `disconnect` ends the process. */
function send(message: FromEngine): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}
