/**
 * What is wrong with an input, as a value. Pure code collects problems and throws them all at once; `contract/errors.ts` gives each
 * code its HTTP and gRPC status, so that no call site decides about retries or statuses.
 */

export const PROBLEM_CODES = [
  'invalid_request', // a field is missing, unknown, of the wrong type or out of range
  'malformed_file', // bytes that are not what their name says: truncated, overlapping, absurd header
  'unsupported_checkpoint', // a config value that this version cannot run, named
  'lora_not_found',
  'lora_no_match', // not one key of the file belongs to a module of the checkpoint
  'lora_wrong_base', // names or shapes of another base model
  'unsupported_lora', // a LoRA of a kind that this version cannot apply (LoHa, DoRA, ...)
] as const;

export type ProblemCode = (typeof PROBLEM_CODES)[number];

export interface Problem {
  readonly code: ProblemCode;
  /** Where it is: a request path such as `loras[1].weight`, or a file name. */
  readonly subject: string;
  /** Subject, value and what is allowed, in one sentence: `steps is 0; must be an integer from 1 to 150`. */
  readonly message: string;
}

/** Input that cannot be used. Carries every problem that was found, in the order of the input. */
export class InputError extends Error {
  override readonly name = 'InputError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], options?: { readonly cause?: unknown }) {
    super(problems.map((problem) => problem.message).join('; '), options);
    this.problems = problems;
  }
}
