import { ServiceError } from '../contract/errors.ts';
import { InputError } from '../core/problem.ts';

/**
 * Calls a part of the service that lies outside this process (Redis, the blob store) and turns its failure into `unavailable`, with
 * the reason kept for the log. An answer that is itself an error in our own terms passes through.
 */
export async function reaching<T>(part: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof InputError || error instanceof ServiceError) throw error;
    throw new ServiceError('unavailable', `${part} does not answer`, { cause: error });
  }
}
