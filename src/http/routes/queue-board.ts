import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { BOARD_PATH, type QueueBoard } from '../queue-board.ts';

/** The board's pages. Only GET leads there: to look at, and to change nothing. */
export function queueBoard(app: FastifyInstance, board: QueueBoard): void {
  const answer = async (request: FastifyRequest, reply: FastifyReply) => {
    reply.hijack();
    await board.answer(request.raw, reply.raw);
  };
  app.get(BOARD_PATH, { exposeHeadRoute: false }, answer);
  app.get(`${BOARD_PATH}/*`, { exposeHeadRoute: false }, answer);
}
