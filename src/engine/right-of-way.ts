/**
 * Keeps work in the background out of the way of work that somebody waits for: the background asks before each call of the model, and
 * is let through when nobody else is there. Where somebody always is, it is let through now and then, so that it ends some day.
 */
export interface RightOfWay {
  /** Somebody waits from now on, until the function that comes back is called. */
  take(): () => void;
  /** Resolves when the background may make one call. Rejects with the signal's reason once it is aborted. */
  giveWay(signal: AbortSignal): Promise<void>;
}

/** At worst one call of the background in this time: a step or two of a small model, a call of a large one. */
const PATIENCE_MS = 2000;

export function createRightOfWay(patienceMs = PATIENCE_MS): RightOfWay {
  let ahead = 0;
  const waiting = new Set<() => void>();
  return {
    take() {
      let isTaken = true;
      ahead += 1;
      return () => {
        if (isTaken) ahead -= 1;
        isTaken = false;
        if (ahead === 0) for (const goOn of [...waiting]) goOn();
      };
    },
    async giveWay(signal) {
      signal.throwIfAborted();
      if (ahead === 0) return;
      await new Promise<void>((resolve) => {
        const goOn = () => {
          clearTimeout(timer);
          waiting.delete(goOn);
          signal.removeEventListener('abort', goOn);
          resolve();
        };
        const timer = setTimeout(goOn, patienceMs);
        waiting.add(goOn);
        signal.addEventListener('abort', goOn, { once: true });
      });
      signal.throwIfAborted();
    },
  };
}
