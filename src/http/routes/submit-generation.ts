import type { FastifyInstance, FastifySchema } from 'fastify';
import Type from 'typebox';
import { isFinished } from '../../contract/job.ts';
import type { Generations } from '../../service/generations.ts';
import { closedSignal } from '../closed-signal.ts';
import { preferredWaitS } from '../prefer.ts';
import { json, LOCATION } from '../shapes/answer.ts';
import { GENERATION_REQUEST } from '../shapes/components.ts';
import { ACCEPTED, GENERATION } from '../shapes/generation.ts';
import { IDEMPOTENCY_KEY } from '../shapes/parameters.ts';
import { ADMISSION_PROBLEMS, REQUEST_PROBLEMS } from '../shapes/problems-of.ts';
import { urlsOf } from '../urls.ts';

/**
 * 202 with where to look. With `Prefer: wait=N`, 201 with the generation itself if it finishes within N seconds. The same
 * `Idempotency-Key` with the same body is answered with the first generation again, and says so in `Idempotent-Replayed`.
 */
export function submitGeneration(app: FastifyInstance, generations: Generations): void {
  app.post('/v1/generations', { schema: SCHEMA }, async (request, reply) => {
    const key = request.headers['idempotency-key']?.toString();
    const { id, queuePosition, isReplay } = await generations.submit(request.caller, request.body, key);
    if (isReplay) reply.header('idempotent-replayed', 'true');
    const urls = urlsOf(id);
    reply.header('location', urls.self);
    const waitS = preferredWaitS(request.headers.prefer);
    if (waitS > 0) {
      reply.header('preference-applied', `wait=${waitS}`);
      const generation = await generations.wait(request.caller, id, waitS * 1000, closedSignal(reply));
      if (isFinished(generation.status)) return reply.code(201).send({ ...generation, urls });
    }
    return reply.code(202).send({ id, status: 'queued', queue_position: queuePosition, urls });
  });
}

const HEADERS = {
  ...LOCATION,
  'idempotent-replayed': '`true` where the idempotency key was known.',
  'preference-applied': 'How long the answer would have been held back.',
};

const SCHEMA: FastifySchema = {
  operationId: 'submitGeneration',
  tags: ['generations'],
  summary: 'Ask for pictures',
  headers: Type.Object({
    'idempotency-key': IDEMPOTENCY_KEY,
    prefer: Type.Optional(Type.String({ description: '`wait=N`: hold the answer back for up to N seconds.' })),
  }),
  body: GENERATION_REQUEST.ref,
  response: {
    201: json('It has finished within the seconds of `Prefer: wait`.', GENERATION.ref, HEADERS),
    202: json('It waits for its turn.', ACCEPTED.ref, HEADERS),
  },
  'x-problems': [...REQUEST_PROBLEMS, ...ADMISSION_PROBLEMS],
};
