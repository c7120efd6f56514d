import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Access } from '../service/access.ts';
import type { IsProxy } from '../service/client-address.ts';
import type { Generations } from '../service/generations.ts';
import type { Health } from '../service/health.ts';
import type { LoraUploads } from '../service/lora-uploads.ts';
import type { Loras } from '../service/loras.ts';
import type { GatewayMetrics } from '../telemetry/gateway-metrics.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import { type HandlerContext, serverStream, unary, upload } from './handlers.ts';
import { addHealthService } from './health.ts';
import { type LoraRpcName, loadProtocol, type RpcName, UPLOAD_MESSAGE_BYTES } from './protocol.ts';
import { addReflectionService } from './reflection.ts';
import { type GrpcTls, renewableCredentials } from './renewable-credentials.ts';
import { cancel } from './rpc/cancel.ts';
import { generate } from './rpc/generate.ts';
import { get } from './rpc/get.ts';
import { deleteLora, getLora, listLoras, measureProfile, uploadLora } from './rpc/loras.ts';
import { plan } from './rpc/plan.ts';
import { replay } from './rpc/replay.ts';
import { submit } from './rpc/submit.ts';
import { watch } from './rpc/watch.ts';

/** The gRPC door: the contract of proto/overtone/v1 over the same use cases as HTTP. */

export interface GrpcServer {
  /** `127.0.0.1:50051`, with the port that was really taken. */
  readonly address: string;
  /** Another certificate for connections from now on, where there was one at the start. */
  renewTls(tls: GrpcTls): void;
  /** Takes no new calls, ends streams with UNAVAILABLE (a client resumes elsewhere) and cancels no generation. */
  close(): Promise<void>;
}

export interface GrpcServerOptions {
  readonly access: Access;
  readonly isProxy: IsProxy;
  readonly generations: Generations;
  readonly loras: Loras;
  readonly uploads: LoraUploads;
  readonly health: Health;
  readonly metrics: GatewayMetrics;
  readonly tracing: Tracing;
  readonly logger: Logger;
  /** `host:port`; port 0 takes a free one. */
  readonly address: string;
  readonly tls?: GrpcTls;
}

const SERVER_OPTIONS = {
  // Of an upload's pieces; what holds a request has less (strict-message.ts).
  'grpc.max_receive_message_length': UPLOAD_MESSAGE_BYTES,
  // A caller that has vanished without a word is noticed after 40 s, and what it asked `Generate` for is cancelled.
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
};

/** How long calls that are being answered may take to end once the server closes. */
const CLOSE_MS = 2_000;

/** Resolves when it listens; rejects where the address cannot be had. */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const { access, isProxy, generations, loras, uploads, health, metrics, tracing, logger, address } = options;
  const closing = new AbortController();
  const protocol = loadProtocol();
  const context: HandlerContext = { access, isProxy, metrics, tracing, protocol, logger, closing: closing.signal };
  const handlers = {
    Generate: serverStream(generate({ generations, protocol, logger }), context),
    Submit: unary(submit(generations), context),
    Get: unary(get(generations), context),
    Watch: serverStream(watch(generations), context),
    Cancel: unary(cancel(generations), context),
    Plan: unary(plan(generations), context),
    Replay: unary(replay(generations), context),
  } satisfies Record<RpcName, unknown>;
  const loraHandlers = {
    List: unary(listLoras(loras), context),
    Get: unary(getLora(loras), context),
    Upload: upload(uploadLora(uploads), context),
    MeasureProfile: unary(measureProfile(loras), context),
    Delete: unary(deleteLora(uploads), context),
  } satisfies Record<LoraRpcName, unknown>;

  const server = new Server(SERVER_OPTIONS);
  server.addService(protocol.service, handlers);
  server.addService(protocol.loraService, loraHandlers);
  addReflectionService(server);
  const secure = options.tls === undefined ? undefined : renewableCredentials(options.tls);
  const port = await bind(server, address, secure?.credentials ?? ServerCredentials.createInsecure());
  const stopHealth = addHealthService(server, health);
  const host = address.slice(0, address.lastIndexOf(':'));
  return {
    address: `${host}:${port}`,
    renewTls: (tls) => secure?.renew(tls),
    async close() {
      stopHealth();
      closing.abort();
      await shutDown(server);
    },
  };
}

function bind(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
}

/** Idle connections would hold a graceful shutdown for ever: after a while they are cut. */
function shutDown(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const impatience = setTimeout(() => server.forceShutdown(), CLOSE_MS);
    server.tryShutdown(() => {
      clearTimeout(impatience);
      resolve();
    });
  });
}
