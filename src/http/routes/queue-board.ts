import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from 'fastify';
import { BOARD_PATH, type QueueBoard } from '../queue-board.ts';
import { text } from '../shapes/answer.ts';

/** The board's pages. Only GET leads there: to look at, and to change nothing. */
export function queueBoard(app: FastifyInstance, board: QueueBoard): void {
  const answer = async (request: FastifyRequest, reply: FastifyReply) => {
    reply.hijack();
    await board.answer(request.raw, reply.raw);
  };
  app.get(BOARD_PATH, { exposeHeadRoute: false, schema: SCHEMA }, answer);
  app.get(`${BOARD_PATH}/*`, { exposeHeadRoute: false, schema: { hide: true } }, answer);
}

const SCHEMA: FastifySchema = {
  operationId: 'queueBoard',
  tags: ['service'],
  summary: 'The queues, for a browser',
  security: [{ key: [] }, { browser: [] }],
  response: { 200: text('A page, and what it loads from below it.', 'text/html') },
};
