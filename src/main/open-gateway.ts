import type { AddressInfo } from 'node:net';
import type { Settings } from '../config/settings.ts';
import { openLoraFolder } from '../files/lora-folder.ts';
import { startGrpcServer } from '../grpc/server.ts';
import { createHttpApp } from '../http/app.ts';
import { EventReader } from '../queue/event-reader.ts';
import { createProducer } from '../queue/producer.ts';
import { createGenerations } from '../service/generations.ts';
import { createHealth } from '../service/health.ts';
import { createLoras } from '../service/loras.ts';
import { createModels } from '../service/models.ts';
import { createDiskBlobStore } from '../store/blob-store.ts';
import { createJobJournal } from '../store/job-journal.ts';
import { createWorkerRegistry } from '../store/worker-registry.ts';
import type { Logger } from '../telemetry/logger.ts';
import { connectRedis } from './connect-redis.ts';
import { loraDirectory } from './folders.ts';
import type { Running } from './program.ts';
import { requireSettings } from './require-setting.ts';

export interface Gateway extends Running {
  /** `http://127.0.0.1:8080`, with the port that was really taken. */
  readonly httpUrl: string;
  /** `127.0.0.1:50051`. */
  readonly grpcAddress: string;
}

/** A gateway, put together and listening on both doors. It listens also while Redis is away, and says so to whoever asks. */
export async function openGateway(settings: Settings, logger: Logger): Promise<Gateway> {
  requireSettings(settings, 'redisUrl');
  const { redisUrl: url } = settings;
  const redis = connectRedis({ url, use: 'prompt', logger });
  const events = new EventReader({
    commands: redis,
    blocking: connectRedis({ url, use: 'patient', logger }),
    logger,
  });
  const producer = createProducer(redis);
  const registry = createWorkerRegistry(redis, Date.now);
  const loras = openLoraFolder(await loraDirectory(settings));
  const models = createModels(registry, Date.now);
  const health = createHealth(registry);
  const generations = createGenerations({
    journal: createJobJournal(redis, settings.resultLifetimeS),
    producer,
    events,
    blobs: createDiskBlobStore(settings.data),
    models,
    loras,
    now: Date.now,
    logger,
  });

  const app = await createHttpApp({ generations, models, loras: createLoras(loras, models), health }, logger);
  await app.listen({ host: settings.httpHost, port: settings.httpPort });
  const address = `${settings.grpcHost}:${settings.grpcPort}`;
  const grpc = await startGrpcServer({ generations, health, logger, address });
  const { port } = app.server.address() as AddressInfo;
  const httpUrl = `http://${settings.httpHost.includes(':') ? `[${settings.httpHost}]` : settings.httpHost}:${port}`;
  logger.info({ http: httpUrl, grpc: grpc.address }, 'listening');

  return {
    httpUrl,
    grpcAddress: grpc.address,
    async close() {
      // Ends every stream of events, without which HTTP would wait for its clients.
      await events.close();
      await Promise.all([app.close(), grpc.close()]);
      await producer.close();
      redis.disconnect();
    },
  };
}
