import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ERRORS, type ErrorCode, type ProblemDetails, problemDetails, ServiceError } from '../../contract/errors.ts';

/**
 * Every error of the HTTP door, Fastify's own among them, as RFC 9457 problem details. Statuses come from the error table. What a
 * client could not have caused is logged here, once, with its cause; its text and stack stay here.
 */
export function registerErrors(app: FastifyInstance): void {
  app.setErrorHandler((error, request, reply) => answer(error, request, reply));
}

/** For what fails before a route is found: a URL that cannot be decoded or has an absurdly long part leads nowhere. */
export function answerFrameworkError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  answer(new ServiceError('not_found', error.message), request, reply);
}

/** For bytes that are no HTTP: there is no request to reply to, only a socket. */
export function answerBrokenConnection(_error: Error, socket: Socket): void {
  const body = JSON.stringify({ type: 'about:blank', title: 'Bad Request', status: 400 });
  if (!socket.writable) socket.destroy();
  else
    socket.end(
      `HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
}

const PROBLEM_TYPE = 'application/problem+json';

/** Worth a moment's wait: a worker that restarts is back within about this. */
const RETRY_AFTER_S = 5;

function answer(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem: ProblemDetails = problemDetails(translate(error));
  if (problem.status >= 500) {
    // Without its query, where a link carries its signature.
    request.log.error({ err: error, url: request.url.split('?')[0], code: problem.code }, 'request failed');
  }
  if (problem.status === 401 && !reply.hasHeader('www-authenticate')) reply.header('www-authenticate', 'Bearer');
  const isWorthRetrying = problem.status === 429 || (problem.status === 503 && ERRORS[problem.code].retryable);
  if (isWorthRetrying) reply.header('retry-after', problem.retry_after_s ?? RETRY_AFTER_S);
  return reply.code(problem.status).type(PROBLEM_TYPE).send(problem);
}

const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'malformed_json',
  413: 'body_too_large',
  415: 'unsupported_media_type',
};

/** Fastify's errors while it reads a body, in the service's own words. */
function translate(error: unknown): unknown {
  if (error instanceof ServiceError || !(error instanceof Error) || !('statusCode' in error)) return error;
  const code = BY_STATUS[Number(error.statusCode)];
  return code === undefined ? error : new ServiceError(code, error.message, { cause: error });
}
