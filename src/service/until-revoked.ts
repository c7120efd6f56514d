import { ServiceError } from '../contract/errors.ts';

/**
 * Looks again and again whether a caller may still do what goes on for longer than its key may live. So a stream outlives its key by
 * this interval, and by the second for which a key is remembered.
 */
const INTERVAL_MS = 2000;

/**
 * Calls `end` once with the error of `check` that says that the caller's key opens this no longer. Any other error says nothing of the
 * key: Redis is away. Returns what stops the looking.
 */
export function untilRevoked(
  check: () => Promise<void>,
  end: (error: ServiceError) => void,
  intervalMs = INTERVAL_MS,
): () => void {
  const timer = setInterval(() => {
    check().catch((error: unknown) => {
      if (!(error instanceof ServiceError) || (error.code !== 'unauthenticated' && error.code !== 'forbidden')) return;
      clearInterval(timer);
      end(error);
    });
  }, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}
