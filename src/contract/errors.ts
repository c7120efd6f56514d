import { InputError, type Problem, type ProblemCode } from '../core/problem.ts';

/**
 * The one table of errors. A door reads its status here, a worker reads here whether to try again; no call site decides either.
 * Texts of 5xx errors never reach a client: it gets the row's title.
 */

export type ErrorCode =
  | ProblemCode
  | 'malformed_json'
  | 'unsupported_media_type'
  | 'body_too_large'
  | 'unauthenticated'
  | 'forbidden'
  | 'rate_limited'
  | 'not_found'
  | 'method_not_allowed'
  | 'model_not_found'
  | 'already_finished'
  | 'expired'
  | 'idempotency_conflict'
  | 'too_many_jobs'
  | 'lora_exists'
  | 'registry_full'
  | 'digest_mismatch'
  | 'upload_cut_off'
  | 'malformed_form'
  | 'busy'
  | 'queue_full'
  | 'no_worker'
  | 'engine_crashed'
  | 'poison_job'
  | 'worker_lost'
  | 'storage_unavailable'
  | 'deadline_exceeded'
  | 'unavailable'
  | 'internal';

interface ErrorRow {
  readonly http: number;
  /** gRPC status by its canonical name. */
  readonly grpc:
    | 'INVALID_ARGUMENT'
    | 'UNAUTHENTICATED'
    | 'PERMISSION_DENIED'
    | 'NOT_FOUND'
    | 'ALREADY_EXISTS'
    | 'FAILED_PRECONDITION'
    | 'RESOURCE_EXHAUSTED'
    | 'UNAVAILABLE'
    | 'INTERNAL'
    | 'UNIMPLEMENTED'
    | 'DEADLINE_EXCEEDED';
  /** May the same job succeed if it is simply tried again? */
  readonly retryable: boolean;
  readonly title: string;
}

export const ERRORS: Readonly<Record<ErrorCode, ErrorRow>> = {
  invalid_request: {
    http: 422,
    grpc: 'INVALID_ARGUMENT',
    retryable: false,
    title: 'The request cannot be done as written',
  },
  malformed_json: { http: 400, grpc: 'INVALID_ARGUMENT', retryable: false, title: 'The body is not valid JSON' },
  unsupported_media_type: {
    http: 415,
    grpc: 'INVALID_ARGUMENT',
    retryable: false,
    title: 'The body has a type that is not accepted here',
  },
  body_too_large: { http: 413, grpc: 'RESOURCE_EXHAUSTED', retryable: false, title: 'The body is too large' },
  malformed_file: {
    http: 422,
    grpc: 'INVALID_ARGUMENT',
    retryable: false,
    title: 'A file is damaged or not what its name says',
  },
  unsupported_checkpoint: {
    http: 422,
    grpc: 'FAILED_PRECONDITION',
    retryable: false,
    title: 'The checkpoint cannot be served by this version',
  },
  lora_not_found: { http: 404, grpc: 'NOT_FOUND', retryable: false, title: 'There is no such LoRA' },
  lora_no_match: { http: 422, grpc: 'FAILED_PRECONDITION', retryable: false, title: 'A LoRA would do nothing' },
  lora_wrong_base: {
    http: 422,
    grpc: 'FAILED_PRECONDITION',
    retryable: false,
    title: 'A LoRA was made for another base model',
  },
  unsupported_lora: {
    http: 422,
    grpc: 'FAILED_PRECONDITION',
    retryable: false,
    title: 'A LoRA is of a kind that cannot be applied',
  },
  unauthenticated: { http: 401, grpc: 'UNAUTHENTICATED', retryable: false, title: 'A valid API key is needed' },
  forbidden: { http: 403, grpc: 'PERMISSION_DENIED', retryable: false, title: 'The API key does not allow this' },
  rate_limited: { http: 429, grpc: 'RESOURCE_EXHAUSTED', retryable: true, title: 'Too many requests' },
  not_found: { http: 404, grpc: 'NOT_FOUND', retryable: false, title: 'There is nothing here' },
  method_not_allowed: {
    http: 405,
    grpc: 'UNIMPLEMENTED',
    retryable: false,
    title: 'What is here takes other methods',
  },
  model_not_found: { http: 404, grpc: 'NOT_FOUND', retryable: false, title: 'There is no such model' },
  already_finished: {
    http: 409,
    grpc: 'FAILED_PRECONDITION',
    retryable: false,
    title: 'The generation has already finished',
  },
  expired: { http: 410, grpc: 'NOT_FOUND', retryable: false, title: 'It was here and is kept no longer' },
  idempotency_conflict: {
    http: 409,
    grpc: 'FAILED_PRECONDITION',
    retryable: false,
    title: 'The idempotency key was used for another request',
  },
  too_many_jobs: {
    http: 429,
    grpc: 'RESOURCE_EXHAUSTED',
    retryable: true,
    title: 'Too many generations of yours have not ended yet',
  },
  queue_full: { http: 503, grpc: 'UNAVAILABLE', retryable: true, title: 'Too many generations wait already' },
  lora_exists: {
    http: 409,
    grpc: 'ALREADY_EXISTS',
    retryable: false,
    title: 'There is another LoRA of this id or name',
  },
  registry_full: {
    http: 422,
    grpc: 'RESOURCE_EXHAUSTED',
    retryable: false,
    title: 'There are as many LoRAs as an owner may have',
  },
  digest_mismatch: {
    http: 422,
    grpc: 'INVALID_ARGUMENT',
    retryable: false,
    title: 'The bytes that arrived are not those that were announced',
  },
  upload_cut_off: {
    http: 400,
    grpc: 'INVALID_ARGUMENT',
    retryable: false,
    title: 'The upload ended before it was complete',
  },
  malformed_form: { http: 400, grpc: 'INVALID_ARGUMENT', retryable: false, title: 'The form cannot be read' },
  busy: { http: 503, grpc: 'UNAVAILABLE', retryable: true, title: 'There is too much to do at this moment; try again' },
  no_worker: { http: 503, grpc: 'UNAVAILABLE', retryable: true, title: 'No worker serves this model at present' },
  engine_crashed: { http: 500, grpc: 'INTERNAL', retryable: true, title: 'The engine stopped while it worked on this' },
  poison_job: {
    http: 500,
    grpc: 'INTERNAL',
    retryable: false,
    title: 'The engine stopped more than once on this generation; it is not tried again',
  },
  worker_lost: {
    http: 500,
    grpc: 'INTERNAL',
    retryable: false,
    title: 'Workers went away under this generation too often; it is not tried again',
  },
  storage_unavailable: {
    http: 503,
    grpc: 'UNAVAILABLE',
    retryable: true,
    title: 'Pictures cannot be stored at present: the disk is full, or the store does not answer',
  },
  deadline_exceeded: { http: 504, grpc: 'DEADLINE_EXCEEDED', retryable: false, title: 'The deadline has passed' },
  unavailable: {
    http: 503,
    grpc: 'UNAVAILABLE',
    retryable: true,
    title: 'A part of the service does not answer at present',
  },
  internal: { http: 500, grpc: 'INTERNAL', retryable: false, title: 'Something failed inside the service' },
};

/** An operating error of the service itself. Bad input is core's `InputError`. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly code: ErrorCode;
  readonly retryAfterS: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options?: {
      readonly cause?: unknown;
      /** When it is worth trying again, where that is known: whole seconds. */
      readonly retryAfterS?: number;
    },
  ) {
    super(message, options);
    this.code = code;
    this.retryAfterS = options?.retryAfterS;
  }
}

/** RFC 9457 problem details, as every native door sends them. */
export interface ProblemDetails {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  /** Everything that is wrong with an input, not only the first thing. */
  readonly problems?: readonly Problem[];
  /** Seconds after which it is worth trying again, where that is known. */
  readonly retry_after_s?: number;
}

/** Translates anything thrown into what a client may see. Unknown errors become `internal`, without their text. */
export function problemDetails(error: unknown): ProblemDetails {
  if (error instanceof InputError) {
    const [first] = error.problems;
    const code = first?.code ?? 'invalid_request';
    return { ...details(code, error.message), problems: error.problems };
  }
  if (error instanceof ServiceError) {
    const { retryAfterS } = error;
    return { ...details(error.code, error.message), ...(retryAfterS !== undefined && { retry_after_s: retryAfterS }) };
  }
  return details('internal', '');
}

function details(code: ErrorCode, message: string): ProblemDetails {
  const row = ERRORS[code];
  const detail = row.http >= 500 ? row.title : message;
  return { type: `urn:overtone:problem:${code}`, title: row.title, status: row.http, code, detail };
}
