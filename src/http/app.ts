import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyServerOptions,
  LogController,
} from 'fastify';
import { LIMITS } from '../contract/limits.ts';
import type { Access } from '../service/access.ts';
import type { ApiKeys } from '../service/api-keys.ts';
import type { BlobLinks } from '../service/blob-links.ts';
import type { IsProxy } from '../service/client-address.ts';
import type { Generations } from '../service/generations.ts';
import type { Health } from '../service/health.ts';
import type { LoraUploads } from '../service/lora-uploads.ts';
import type { Loras } from '../service/loras.ts';
import type { MetricsPage } from '../service/metrics.ts';
import type { Models } from '../service/models.ts';
import type { OwnWebhookSecrets } from '../service/webhooks/own-secrets.ts';
import type { GatewayMetrics } from '../telemetry/gateway-metrics.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import { registerBodyDeadline, UPLOAD_MS } from './plugins/body-deadline.ts';
import { registerCaller } from './plugins/caller.ts';
import { answerBrokenConnection, answerFrameworkError, registerErrors } from './plugins/errors.ts';
import { registerHelmet } from './plugins/helmet.ts';
import { registerJson } from './plugins/json.ts';
import { registerMeasure } from './plugins/measure.ts';
import { registerNotFound } from './plugins/not-found.ts';
import { registerOpenApi } from './plugins/openapi.ts';
import { registerTrace } from './plugins/trace.ts';
import type { QueueBoard } from './queue-board.ts';
import { apiKeys } from './routes/api-keys.ts';
import { cancelGeneration } from './routes/cancel-generation.ts';
import { deleteLora } from './routes/delete-lora.ts';
import { getGeneration } from './routes/get-generation.ts';
import { getImage } from './routes/get-image.ts';
import { getLora } from './routes/get-lora.ts';
import { linkImage } from './routes/link-image.ts';
import { listLoras } from './routes/list-loras.ts';
import { listModels } from './routes/list-models.ts';
import { livez } from './routes/livez.ts';
import { loraProfile } from './routes/lora-profile.ts';
import { metricsPage } from './routes/metrics.ts';
import { openapi } from './routes/openapi.ts';
import { planGeneration } from './routes/plan-generation.ts';
import { queueBoard } from './routes/queue-board.ts';
import { readyz } from './routes/readyz.ts';
import { replayGeneration } from './routes/replay-generation.ts';
import { submitGeneration } from './routes/submit-generation.ts';
import { uploadLora } from './routes/upload-lora.ts';
import { watchGeneration } from './routes/watch-generation.ts';
import { webhookSecrets } from './routes/webhook-secrets.ts';

export interface HttpServices {
  readonly access: Access;
  readonly keys: ApiKeys;
  readonly generations: Generations;
  readonly models: Models;
  readonly loras: Loras;
  readonly uploads: LoraUploads;
  readonly links: BlobLinks;
  readonly health: Health;
  readonly page: MetricsPage;
  readonly board: QueueBoard;
  readonly secrets: OwnWebhookSecrets;
}

/** Certificate chain and private key, in PEM. */
export interface HttpTls {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** The HTTP door: every endpoint in one list. Parses, calls a service, serialises; decides nothing. Does not listen yet. */
export async function createHttpApp(
  services: HttpServices,
  options: {
    readonly isProxy: IsProxy;
    readonly metrics: GatewayMetrics;
    readonly tracing: Tracing;
    readonly logger: Logger;
    readonly tls?: HttpTls;
  },
): Promise<FastifyInstance> {
  const { access, keys, generations, models, loras, uploads, links, health, page, board, secrets } = services;
  const { isProxy, metrics, tracing, logger, tls } = options;
  const settings: FastifyServerOptions = {
    loggerInstance: logger as FastifyBaseLogger,
    // One line for each finished request would drown the jobs' own; errors are logged where they are handled.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: LIMITS.bodyBytes,
    trustProxy: isProxy,
    requestTimeout: UPLOAD_MS,
    // At a stop, streams are told to end by their services; a connection that idles is closed.
    forceCloseConnections: 'idle',
    frameworkErrors: answerFrameworkError,
    clientErrorHandler: answerBrokenConnection,
  };
  // Fastify's types take TLS for another kind of server; it is used in the same way.
  const app = Fastify((tls === undefined ? settings : { ...settings, https: tls }) as FastifyServerOptions);
  await registerHelmet(app);
  registerJson(app);
  registerErrors(app);
  registerBodyDeadline(app, ['POST /v1/loras']);
  registerTrace(app, tracing);
  registerCaller(app, access, isProxy);
  registerNotFound(app);
  registerMeasure(app, metrics);
  await registerOpenApi(app);

  submitGeneration(app, generations);
  planGeneration(app, generations);
  getGeneration(app, generations);
  watchGeneration(app, generations);
  getImage(app, generations);
  linkImage(app, generations, links);
  cancelGeneration(app, generations);
  replayGeneration(app, generations);
  listModels(app, models);
  listLoras(app, loras);
  getLora(app, loras);
  deleteLora(app, uploads);
  await uploadLora(app, uploads);
  loraProfile(app, loras);
  webhookSecrets(app, secrets);
  apiKeys(app, keys);
  livez(app);
  metricsPage(app, page);
  queueBoard(app, board);
  readyz(app, health);
  openapi(app);
  return app;
}
