import { type AddressInfo, isIPv6 } from 'node:net';
import type { Server as TlsServer } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { SCHEMA } from '../config/schema.ts';
import type { Settings } from '../config/settings.ts';
import { messageOf } from '../core/message-of.ts';
import { InputError } from '../core/problem.ts';
import type { GrpcTls } from '../grpc/renewable-credentials.ts';
import { type GrpcServer, startGrpcServer } from '../grpc/server.ts';
import { createHttpApp } from '../http/app.ts';
import { createQueueBoard } from '../http/queue-board.ts';
import { EventReader } from '../queue/event-reader.ts';
import { createProducer } from '../queue/producer.ts';
import { createProfileProducer } from '../queue/profile-queue.ts';
import { openQueueViews } from '../queue/queue-views.ts';
import { createApiKeys } from '../service/api-keys.ts';
import { startCaretaker } from '../service/caretaker.ts';
import { createGenerations } from '../service/generations.ts';
import { createHealth } from '../service/health.ts';
import { createMetricsPage } from '../service/metrics.ts';
import { createModels } from '../service/models.ts';
import { createProfiles } from '../service/profiles.ts';
import { startWebhookDelivery } from '../service/webhooks/deliver-webhooks.ts';
import { createOwnWebhookSecrets } from '../service/webhooks/own-secrets.ts';
import { createAllowances } from '../store/allowances.ts';
import { createJobJournal } from '../store/job-journal.ts';
import { createKeyStore } from '../store/key-store.ts';
import { createMetricsBoard } from '../store/metrics-board.ts';
import { createProfileStore } from '../store/profile-store.ts';
import { createWebhookOutbox } from '../store/webhook-outbox.ts';
import { createWebhookSecrets } from '../store/webhook-secrets.ts';
import { createWorkerRegistry } from '../store/worker-registry.ts';
import { createGatewayMetrics } from '../telemetry/gateway-metrics.ts';
import type { Logger } from '../telemetry/logger.ts';
import { openTracing } from '../telemetry/tracing.ts';
import { checkAccess, decideAccess, proxiesOf } from './access.ts';
import { checkRedis } from './check-redis.ts';
import { answersWithin, connectRedis } from './connect-redis.ts';
import { keepTls, TLS_PAUSE_MS } from './keep-tls.ts';
import { openStorage } from './open-storage.ts';
import type { Running } from './program.ts';
import { readTls } from './read-tls.ts';
import { requireSettings } from './require-setting.ts';

export interface Gateway extends Running {
  /** `http://127.0.0.1:8080` (`https` where there is TLS), with the port that was really taken. */
  readonly httpUrl: string;
  /** `127.0.0.1:50051`. */
  readonly grpcAddress: string;
}

/**
 * A gateway, put together and listening on both doors. It listens also while Redis is away, and says so to whoever asks. Throws an
 * InputError where an address cannot be had; nothing is left open then.
 */
export async function openGateway(
  settings: Settings,
  logger: Logger,
  { tlsPauseMs = TLS_PAUSE_MS }: { readonly tlsPauseMs?: number } = {},
): Promise<Gateway> {
  requireSettings(settings, 'redisUrl');
  const { redisUrl: url } = settings;
  const tls = await readTls(settings);
  const redis = connectRedis({ url, use: 'prompt', logger });
  const blocking = connectRedis({ url, use: 'patient', logger });
  const tracing = await openTracing(settings.traces, 'gateway');
  const metrics = createGatewayMetrics();
  const onDropped = (entries: number) => metrics.eventsDropped.inc(entries);
  const events = new EventReader({ commands: redis, blocking, logger, onDropped });
  const producer = createProducer(redis);
  const registry = createWorkerRegistry(redis, Date.now);
  const models = createModels(registry, Date.now);
  const health = createHealth(registry);
  const journal = createJobJournal(redis, settings.resultLifetimeS);
  const caretaker = startCaretaker({ journal, producer, logger });
  const keyStore = createKeyStore(redis);
  const allowances = createAllowances(redis);
  const access = decideAccess({ settings, keys: keyStore, allowances });
  const isProxy = proxiesOf(settings);
  const keys = createApiKeys(keyStore, Date.now);
  const profileQueue = createProfileProducer(redis);
  const profiles = createProfiles({
    store: createProfileStore(redis),
    queue: profileQueue,
    isAutomatic: settings.profiles === 'auto',
    logger,
  });
  const storage = await openStorage({ settings, redis, models, profiles, logger });
  const { blobs, links, shelf, loras, uploads } = storage;
  const outbox = createWebhookOutbox(redis);
  const secrets = createWebhookSecrets(redis, Date.now);
  const views = openQueueViews(redis);
  const board = createQueueBoard(async () => views.of((await models.list()).map(({ id }) => id)));
  const page = createMetricsPage({
    metrics,
    board: createMetricsBoard(redis),
    registry,
    countWebhooks: outbox.count,
  });
  const generations = createGenerations({
    journal,
    producer,
    events,
    blobs,
    links,
    models,
    shelf,
    profiles,
    bounds: { waiting: settings.maxWaiting, outstanding: settings.maxOutstanding },
    allowances,
    webhooks: settings.webhooks,
    tracing,
    now: Date.now,
    logger,
  });
  const http = await createHttpApp(
    {
      access,
      keys,
      generations,
      models,
      loras,
      uploads,
      links,
      health,
      page,
      board,
      secrets: createOwnWebhookSecrets(secrets),
    },
    { isProxy, metrics, tracing, logger, ...(tls && { tls }) },
  );
  // Also where none are allowed: what was accepted before the setting changed has to go out of the box.
  const delivery = startWebhookDelivery({ outbox, journal, secrets, policy: settings.webhooks, metrics, logger });
  let grpc: GrpcServer | undefined;
  let stopTls: (() => Promise<void>) | undefined;

  const renew = (renewed: GrpcTls) => {
    (http.server as unknown as TlsServer).setSecureContext({ cert: renewed.cert, key: renewed.key });
    grpc?.renewTls(renewed);
  };
  const close = async () => {
    await stopTls?.();
    // Ends every stream of events, without which HTTP would wait for its clients.
    await events.close();
    await Promise.all([closeHttp(http), grpc?.close()]);
    await Promise.all([caretaker.close(), delivery.close()]);
    await board.close();
    await Promise.all([views.close(), producer.close(), profileQueue.close()]);
    await storage.close();
    redis.disconnect();
    await tracing.close();
  };
  try {
    await answersWithin(redis, REDIS_MS);
    await checkRedis(redis, logger);
    await checkAccess({ settings, keys: keyStore, logger });
    const { httpHost, httpPort, grpcHost, grpcPort } = settings;
    await listening('httpPort', httpPort, () => http.listen({ host: httpHost, port: httpPort }));
    const address = `${grpcHost}:${grpcPort}`;
    grpc = await listening('grpcPort', grpcPort, () =>
      startGrpcServer({
        access,
        isProxy,
        generations,
        loras,
        uploads,
        health,
        metrics,
        tracing,
        logger,
        address,
        ...(tls && { tls }),
      }),
    );
    if (tls !== undefined) stopTls = keepTls({ settings, tls, renew, pauseMs: tlsPauseMs, logger });
  } catch (error) {
    await close();
    throw error;
  }
  const { port } = http.server.address() as AddressInfo;
  const scheme = tls === undefined ? 'http' : 'https';
  const httpUrl = new URL(
    `${scheme}://${isIPv6(settings.httpHost) ? `[${settings.httpHost}]` : settings.httpHost}:${port}`,
  );
  logger.info({ http: httpUrl.origin, grpc: grpc.address }, 'listening');
  return { httpUrl: httpUrl.origin, grpcAddress: grpc.address, close };
}

/** How long a start waits for Redis, so that the first request does not find it away. */
const REDIS_MS = 2000;

/** How long calls that are being answered may take to end once the gateway closes. */
const CLOSE_MS = 2_000;

/** A client that has connected and says nothing counts neither as idle nor as answered, and would hold the stop for a minute. */
async function closeHttp(http: FastifyInstance): Promise<void> {
  const impatience = setTimeout(() => http.server.closeAllConnections(), CLOSE_MS);
  try {
    await http.close();
  } finally {
    clearTimeout(impatience);
  }
}

/** Nothing but the system can say whether an address is to be had; what it says names the setting. */
async function listening<T>(name: 'httpPort' | 'grpcPort', port: number, listen: () => Promise<T>): Promise<T> {
  try {
    return await listen();
  } catch (cause) {
    const { env, flag } = SCHEMA[name];
    const reason = messageOf(cause);
    const message = `${env} (or ${flag}) is ${port}; cannot listen there: ${reason}`;
    throw new InputError([{ code: 'invalid_request', subject: env, message }], { cause });
  }
}
