/**
 * The engine's program: a worker's child, which holds the model and runs `generate()` for every live job. It speaks
 * `contract/engine-protocol.ts` over its channel and ends when that closes, so nothing is left behind a worker that was killed.
 */
import { parseSettings } from '../config/settings.ts';
import type { FromEngine, ToEngine } from '../contract/engine-protocol.ts';
import { problemDetails } from '../contract/errors.ts';
import { type Engine, openEngine } from '../engine/open-engine.ts';
import { generate } from '../pipeline/generate.ts';
import { createLogger } from '../telemetry/logger.ts';
import { loraDirectory } from './folders.ts';
import { requireSettings } from './require-setting.ts';

const settings = parseSettings(process.env, []);
const logger = createLogger({ program: 'engine', level: settings.logLevel });
const controllers = new Map<string, AbortController>();

const engine = await open();
if (engine !== undefined) serve(engine);

async function open(): Promise<Engine | undefined> {
  process.on('disconnect', () => process.exit(0));
  try {
    requireSettings(settings, 'model');
    return await openEngine({
      checkpoint: settings.model,
      loras: await loraDirectory(settings),
      device: settings.device,
      ...(settings.threads !== undefined && { threads: settings.threads }),
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
    if (message.type === 'run') void run(engine, message);
    else if (message.type === 'cancel') controllers.get(message.run)?.abort(new Error('cancelled'));
    else process.exit(0);
  });
  send({ type: 'ready', model: engine.model });
  logger.info({ model: engine.model.id, device: engine.model.device }, 'ready');
}

/** Runs one attempt to its end. Never rejects: whatever goes wrong is the run's last message. */
async function run(
  engine: Engine,
  { run, jobId, request, preview }: Extract<ToEngine, { type: 'run' }>,
): Promise<void> {
  const controller = new AbortController();
  controllers.set(run, controller);
  const jobLogger = logger.child({ job: jobId, run });
  try {
    const now = () => performance.now();
    for await (const event of generate(request, engine.model, engine, controller.signal, now, preview)) {
      send({ type: 'event', run, event });
      if (event.type === 'step') jobLogger.debug({ image: event.image, step: event.step, of: event.steps }, 'step');
    }
    send({ type: 'finished', run });
  } catch (error) {
    const cancelled = controller.signal.aborted;
    if (!cancelled) jobLogger.error({ err: error }, 'a run failed');
    send({ type: 'failed', run, error: problemDetails(error), cancelled });
  } finally {
    controllers.delete(run);
  }
}

/** A channel that has closed a moment ago is no error here: `disconnect` ends the process. */
function send(message: FromEngine): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}
