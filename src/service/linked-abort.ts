/**
 * A controller that is also aborted when one of its parents is, until it is unlinked. `AbortSignal.any` does the same by weak
 * references, which cost a busy gateway memory: a parent that lives as long as the process keeps one for every signal it ever had a
 * part in, and what hangs on them leaves V8's young generation before it can be collected there.
 */
export interface LinkedAbort {
  readonly signal: AbortSignal;
  abort(): void;
  /** To be called when the work is over: until then its parents hold on to it. */
  unlink(): void;
}

export function linkAbort(...parents: readonly AbortSignal[]): LinkedAbort {
  const controller = new AbortController();
  const abort = () => controller.abort();
  for (const parent of parents) {
    if (parent.aborted) abort();
    parent.addEventListener('abort', abort);
  }
  return {
    signal: controller.signal,
    abort,
    unlink() {
      for (const parent of parents) parent.removeEventListener('abort', abort);
    },
  };
}
