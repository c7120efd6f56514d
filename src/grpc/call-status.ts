import { Metadata, status } from '@grpc/grpc-js';
import { ERRORS, type ProblemDetails, problemDetails } from '../contract/errors.ts';
import type { Protocol } from './protocol.ts';

/**
 * Errors as statuses. Code and text come from the one table of errors; the whole problem travels in the standard trailer for error
 * details, as google.rpc.Status with one overtone.v1.ProblemDetails in it.
 */

const DETAILS_TRAILER = 'grpc-status-details-bin';

export interface CallStatus {
  readonly code: status;
  readonly details: string;
  readonly metadata?: Metadata;
}

export function statusOfError(error: unknown, protocol: Protocol): CallStatus {
  return statusOfProblem(problemDetails(error), protocol);
}

export function statusOfProblem(problem: ProblemDetails, protocol: Protocol): CallStatus {
  const code = status[ERRORS[problem.code].grpc];
  const detail = {
    type_url: 'type.googleapis.com/overtone.v1.ProblemDetails',
    value: protocol.encode('overtone.v1.ProblemDetails', problem),
  };
  const metadata = new Metadata();
  metadata.set(
    DETAILS_TRAILER,
    protocol.encode('google.rpc.Status', { code, message: problem.detail, details: [detail] }),
  );
  return { code, details: problem.detail, metadata };
}
