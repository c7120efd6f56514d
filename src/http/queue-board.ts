import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import Fastify from 'fastify';

/**
 * Bull Board: pages that show the queues, for an operator with a browser. To look at only: what a job is lies in its record and not in
 * the queue, and a job that is moved or removed there would come back. A server of its own that does not listen, made when somebody
 * first asks, because its pages take long to load and most gateways never show them.
 */
export interface QueueBoard {
  /** Answers a request below `BOARD_PATH`, whose sender has been let in. */
  answer(request: IncomingMessage, response: ServerResponse): Promise<void>;
  close(): Promise<void>;
}

export const BOARD_PATH = '/admin/queues';

type BoardQueue = ConstructorParameters<typeof BullMQAdapter>[0];

/** `queues` gives those that there are now. */
export function createQueueBoard(queues: () => Promise<readonly BoardQueue[]>): QueueBoard {
  let opened: ReturnType<typeof open> | undefined;
  return {
    async answer(request, response) {
      opened ??= open();
      const { app, show } = await opened;
      show(await queues());
      app.routing(request, response);
    },
    async close() {
      await (await opened)?.app.close();
    },
  };
}

/** Its page holds styles and one script with settings; nothing is loaded from elsewhere. */
const POLICY =
  "default-src 'none'; connect-src 'self'; font-src 'self'; img-src 'self' data:; script-src 'self'; " +
  "style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'self'";

async function open() {
  const [{ createBullBoard }, { BullMQAdapter: Adapter }, { FastifyAdapter }] = await Promise.all([
    import('@bull-board/api'),
    import('@bull-board/api/bullMQAdapter'),
    import('@bull-board/fastify'),
  ]);
  const adapter = new FastifyAdapter();
  adapter.setBasePath(BOARD_PATH);
  const { replaceQueues } = createBullBoard({ queues: [], serverAdapter: adapter });
  const app = Fastify();
  app.addHook('onSend', async (_request, reply) => {
    reply.headers({
      'content-security-policy': POLICY,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    });
  });
  await app.register(adapter.registerPlugin(), { prefix: BOARD_PATH });
  await app.ready();
  const show = (queues: readonly BoardQueue[]) => {
    replaceQueues(queues.map((queue) => new Adapter(queue, { readOnlyMode: true })));
  };
  return { app, show };
}
