import type { FastifyReply } from 'fastify';

/** Aborted when the client has gone, or has been answered: whatever still runs for it may stop. */
export function closedSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => controller.abort());
  return controller.signal;
}
