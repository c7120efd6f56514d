import { Readable } from 'node:stream';
import type { FastifyInstance, FastifySchema } from 'fastify';
import Type from 'typebox';
import type { Generations } from '../../service/generations.ts';
import { linkAbort } from '../../service/linked-abort.ts';
import { untilRevoked } from '../../service/until-revoked.ts';
import { closedSignal } from '../closed-signal.ts';
import { problemEvent, serverSentEvents } from '../server-sent-events.ts';
import { events } from '../shapes/answer.ts';
import { SERVER_SENT_EVENT } from '../shapes/generation.ts';
import { GENERATION_ID } from '../shapes/parameters.ts';

/**
 * The generation's events as they happen, then the end of the stream. A client that was cut off sends `Last-Event-ID` and misses
 * nothing; one whose key is good no longer is told so by an event `error`. The stream is pulled by the socket: a client that reads
 * slowly holds back its own events and nobody's memory.
 */
export function watchGeneration(app: FastifyInstance, generations: Generations): void {
  app.get<{ Params: { id: string } }>('/v1/generations/:id/events', { schema: SCHEMA }, async (request, reply) => {
    const closed = closedSignal(reply);
    const ending = linkAbort(closed);
    let refusal: unknown;
    const stop = untilRevoked(request.readmit, (error) => {
      refusal = error;
      ending.abort();
    });
    closed.addEventListener('abort', stop);
    const after = request.headers['last-event-id'];
    const resumed = after === '' ? undefined : after?.toString();
    const watched = await generations.watch(request.caller, request.params.id, resumed, ending.signal);
    // Heartbeats are written to a client that reads; where nothing at all can be written for this long, nobody does.
    reply.raw.setTimeout(STUCK_MS, () => reply.raw.destroy());
    reply.headers({ 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
    return reply.type('text/event-stream').send(Readable.from(lines(), { objectMode: false }));

    async function* lines() {
      yield* serverSentEvents(watched);
      if (refusal !== undefined) yield problemEvent(refusal);
    }
  });
}

const STUCK_MS = 60_000;

const SCHEMA: FastifySchema = {
  operationId: 'watchGeneration',
  tags: ['generations'],
  summary: 'Watch a generation',
  params: GENERATION_ID,
  headers: Type.Object({
    'last-event-id': Type.Optional(
      Type.String({ description: 'Go on after this event, with nothing lost or doubled.' }),
    ),
  }),
  response: {
    200: events(
      'Server-sent events `queued`, `started`, `step`, `preview`, `completed`, `failed`, `cancelled`; the last three end the stream. `error` ends it where the key is good no longer.',
      SERVER_SENT_EVENT,
    ),
  },
  'x-problems': ['not_found', 'expired', 'invalid_request'],
};
