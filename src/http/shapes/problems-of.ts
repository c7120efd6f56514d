import { ERRORS, type ErrorCode } from '../../contract/errors.ts';
import type { Scope } from '../../contract/principal.ts';
import { PROBLEM } from './problem.ts';

/** Errors of a route as answers in the document: their statuses are those of the table of errors, and of nowhere else. */

/** Whatever a request for a generation can be refused for. */
export const REQUEST_PROBLEMS = [
  'invalid_request',
  'malformed_file',
  'lora_not_found',
  'lora_no_match',
  'lora_wrong_base',
  'unsupported_lora',
  'model_not_found',
  'no_worker',
] as const satisfies readonly ErrorCode[];

/** Why a generation is not taken in, beside what is wrong with it. */
export const ADMISSION_PROBLEMS = [
  'idempotency_conflict',
  'too_many_jobs',
  'queue_full',
] as const satisfies readonly ErrorCode[];

/** What any route may answer, by who may call it and whether it reads a body. */
export function commonProblems(scopes: readonly Scope[] | 'public', method: string): readonly ErrorCode[] {
  return [
    ...(scopes === 'public' ? [] : (['unauthenticated', 'forbidden'] as const)),
    ...(method === 'GET' ? [] : (['malformed_json', 'body_too_large', 'unsupported_media_type'] as const)),
    'rate_limited',
    'unavailable',
    'internal',
  ];
}

/** By status; the codes of each are told apart in its description. */
export function problemAnswers(codes: readonly ErrorCode[]): Readonly<Record<string, object>> {
  const statuses = [...new Set(codes.map((code) => ERRORS[code].http))];
  return Object.fromEntries(
    statuses.map((status) => {
      const ofStatus = [...new Set(codes)].filter((code) => ERRORS[code].http === status);
      const description = ofStatus.map((code) => `\`${code}\`: ${ERRORS[code].title}.`).join('\n\n');
      const headers = { 'retry-after': { type: 'integer', description: 'Seconds after which to try again.' } };
      const canRetry = ofStatus.some((code) => ERRORS[code].retryable && status !== 500);
      return [
        status,
        {
          description,
          content: { 'application/problem+json': { schema: PROBLEM.ref } },
          ...(canRetry && { headers }),
        },
      ];
    }),
  );
}
