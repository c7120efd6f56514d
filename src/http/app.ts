import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyServerOptions,
  LogController,
} from 'fastify';
import { LIMITS } from '../contract/limits.ts';
import type { Access } from '../service/access.ts';
import type { ApiKeys } from '../service/api-keys.ts';
import type { Generations } from '../service/generations.ts';
import type { Health } from '../service/health.ts';
import type { Loras } from '../service/loras.ts';
import type { MetricsPage } from '../service/metrics.ts';
import type { Models } from '../service/models.ts';
import type { OwnWebhookSecrets } from '../service/webhooks/own-secrets.ts';
import type { GatewayMetrics } from '../telemetry/gateway-metrics.ts';
import type { Logger } from '../telemetry/logger.ts';
import { registerCaller } from './plugins/caller.ts';
import { answerBrokenConnection, answerFrameworkError, registerErrors } from './plugins/errors.ts';
import { registerHelmet } from './plugins/helmet.ts';
import { registerJson } from './plugins/json.ts';
import { registerMeasure } from './plugins/measure.ts';
import { apiKeys } from './routes/api-keys.ts';
import { cancelGeneration } from './routes/cancel-generation.ts';
import { getGeneration } from './routes/get-generation.ts';
import { getImage } from './routes/get-image.ts';
import { getLora } from './routes/get-lora.ts';
import { listLoras } from './routes/list-loras.ts';
import { listModels } from './routes/list-models.ts';
import { livez } from './routes/livez.ts';
import { loraProfile } from './routes/lora-profile.ts';
import { metricsPage } from './routes/metrics.ts';
import { planGeneration } from './routes/plan-generation.ts';
import { readyz } from './routes/readyz.ts';
import { submitGeneration } from './routes/submit-generation.ts';
import { watchGeneration } from './routes/watch-generation.ts';
import { webhookSecrets } from './routes/webhook-secrets.ts';

export interface HttpServices {
  readonly access: Access;
  readonly keys: ApiKeys;
  readonly generations: Generations;
  readonly models: Models;
  readonly loras: Loras;
  readonly health: Health;
  readonly page: MetricsPage;
  readonly secrets: OwnWebhookSecrets;
}

/** Certificate chain and private key, in PEM. */
export interface HttpTls {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** A request that has been read slower than this is given up, so that half a request cannot hold a connection. */
const REQUEST_MS = 30_000;

/** The HTTP door: every endpoint in one list. Parses, calls a service, serialises; decides nothing. Does not listen yet. */
export async function createHttpApp(
  services: HttpServices,
  options: { readonly metrics: GatewayMetrics; readonly logger: Logger; readonly tls?: HttpTls },
): Promise<FastifyInstance> {
  const { access, keys, generations, models, loras, health, page, secrets } = services;
  const { metrics, logger, tls } = options;
  const settings: FastifyServerOptions = {
    loggerInstance: logger as FastifyBaseLogger,
    // One line for each finished request would drown the jobs' own; errors are logged where they are handled.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: LIMITS.bodyBytes,
    requestTimeout: REQUEST_MS,
    // At a stop, streams are told to end by their services; a connection that idles is closed.
    forceCloseConnections: 'idle',
    frameworkErrors: answerFrameworkError,
    clientErrorHandler: answerBrokenConnection,
  };
  // Fastify's types take TLS for another kind of server; it is used in the same way.
  const app = Fastify((tls === undefined ? settings : { ...settings, https: tls }) as FastifyServerOptions);
  await registerHelmet(app, tls !== undefined);
  registerJson(app);
  registerErrors(app);
  registerCaller(app, access);
  registerMeasure(app, metrics);

  submitGeneration(app, generations);
  planGeneration(app, generations);
  getGeneration(app, generations);
  watchGeneration(app, generations);
  getImage(app, generations);
  cancelGeneration(app, generations);
  listModels(app, models);
  listLoras(app, loras);
  getLora(app, loras);
  loraProfile(app, loras);
  webhookSecrets(app, secrets);
  apiKeys(app, keys);
  livez(app);
  metricsPage(app, page);
  readyz(app, health);
  return app;
}
