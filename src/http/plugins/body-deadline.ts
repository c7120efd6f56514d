import type { FastifyInstance } from 'fastify';
import { LIMITS } from '../../contract/limits.ts';

/**
 * How long a request may take to arrive. One of JSON is small: half a request cannot hold a connection for long. A file may take as
 * long as a slow line needs, as long as something comes.
 */
const ARRIVAL_MS = 30_000;

/** Of any request; bodies that are no files have less. */
export const UPLOAD_MS = 3600_000;

/** To be registered before any route. `uploads`: the routes whose bodies are files, as `POST /v1/loras`. */
export function registerBodyDeadline(
  app: FastifyInstance,
  uploads: readonly string[],
  deadlines: { readonly arrivalMs: number; readonly silenceMs: number } = {
    arrivalMs: ARRIVAL_MS,
    silenceMs: LIMITS.uploadSilenceMs,
  },
): void {
  const { arrivalMs, silenceMs } = deadlines;
  app.server.headersTimeout = arrivalMs;
  app.addHook('onRequest', async ({ raw, method, routeOptions }) => {
    const hasBody = raw.headers['content-length'] !== undefined || raw.headers['transfer-encoding'] !== undefined;
    if (!hasBody) return;
    const isUpload = uploads.includes(`${method} ${routeOptions.url}`);
    // One that has arrived whole may still lie there unread, as an empty body does, while its answer is a stream.
    const giveUp = () => {
      if (!raw.complete) raw.destroy();
    };
    const timer = isUpload ? undefined : setTimeout(giveUp, arrivalMs);
    const { socket } = raw;
    if (isUpload) socket.setTimeout(silenceMs).on('timeout', giveUp);
    const arrived = () => {
      clearTimeout(timer);
      if (isUpload) socket.setTimeout(0).off('timeout', giveUp);
    };
    raw.once('end', arrived).once('close', arrived);
  });
}
