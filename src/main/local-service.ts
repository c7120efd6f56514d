import { join } from 'node:path';
import type { Settings } from '../config/settings.ts';
import { ServiceError } from '../contract/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { EngineState } from '../worker/engine-process.ts';
import { isOpen } from './access.ts';
import { existingDirectory } from './folders.ts';
import { openGateway } from './open-gateway.ts';
import { startPrivateRedis } from './private-redis.ts';
import type { Running } from './program.ts';
import { requireSettings } from './require-setting.ts';
import { startWorkerProcess } from './worker-process.ts';

/** A whole service on this machine: Redis (private, unless the settings name one), gateway, worker, engine. */
export interface LocalService extends Running {
  /** `http://127.0.0.1:8080`, with the port that was really taken. */
  readonly httpUrl: string;
  /** `127.0.0.1:50051`. */
  readonly grpcAddress: string;
  /** Where Redis is: a URL or the path of a socket. */
  readonly redisUrl: string;
  /** False where everybody is served. */
  readonly wantsKeys: boolean;
  /** Resolves when a worker is ready; rejects with the reason if its checkpoint cannot be served. */
  readonly ready: Promise<void>;
  readonly workerPid: () => number | undefined;
}

export interface LocalServiceOptions {
  readonly settings: Settings;
  readonly logger: Logger;
  /** Called while the engine loads. */
  readonly onProgress?: (progress: { readonly part: string; readonly done: number; readonly total: number }) => void;
}

/**
 * Starts everything; resolves when HTTP and gRPC listen, which is before the model is loaded. Nothing is left running where it
 * throws. `close` stops the doors, then the worker with its drain, then Redis.
 */
export async function startLocalService(options: LocalServiceOptions): Promise<LocalService> {
  const { logger } = options;
  requireSettings(options.settings, 'model');
  await existingDirectory('OVERTONE_MODEL', options.settings.model);
  const started: Running[] = [];
  const close = async () => {
    for (const part of started.splice(0)) await part.close();
  };
  try {
    let { redisUrl } = options.settings;
    if (redisUrl === undefined) {
      const redis = await startPrivateRedis({ directory: join(options.settings.data, 'redis-data'), logger });
      started.unshift(redis);
      redisUrl = redis.url;
    }
    const settings = { ...options.settings, redisUrl };
    const readiness = awaitReady(options.onProgress);
    const worker = startWorkerProcess({ settings, logger, onState: readiness.onState });
    started.unshift(worker);
    const gateway = await openGateway(settings, logger);
    started.unshift(gateway);
    const { httpUrl, grpcAddress } = gateway;
    return {
      httpUrl,
      grpcAddress,
      redisUrl,
      wantsKeys: !isOpen(settings),
      ready: readiness.ready,
      workerPid: worker.pid,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function awaitReady(onProgress: LocalServiceOptions['onProgress']) {
  let resolveReady: () => void;
  let rejectReady: (error: Error) => void;
  const ready = new Promise<void>((resolve, reject) => {
    resolveReady = resolve;
    rejectReady = reject;
  });
  // Whoever does not care for it must not crash by it.
  ready.catch(() => {});
  const onState = (state: EngineState) => {
    if (state.kind === 'loading') onProgress?.(state);
    else if (state.kind === 'ready') resolveReady();
    else rejectReady(new ServiceError('unsupported_checkpoint', state.error.detail));
  };
  return { ready, onState };
}
