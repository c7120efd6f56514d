/**
 * Lets jobs into the engine side by side, or one alone. A job under which an engine has died runs alone the next time: if the engine
 * dies again it was this job, and nobody who only stood next to it is blamed. Whoever comes first goes first, so that a job that
 * wants to be alone waits for those inside and is not overtaken for ever.
 */
export interface Turnstile {
  /** Resolves with the way out, which must be taken. Rejects with the signal's reason once it is aborted while waiting. */
  enter(alone: boolean, signal: AbortSignal): Promise<() => void>;
}

interface Waiting {
  readonly alone: boolean;
  readonly admit: () => void;
}

export function createTurnstile(): Turnstile {
  const queue: Waiting[] = [];
  let inside = 0;
  let isTakenAlone = false;

  function admitNext(): void {
    for (let next = queue[0]; next !== undefined; next = queue[0]) {
      if (isTakenAlone || (next.alone && inside > 0)) return;
      queue.shift();
      inside++;
      isTakenAlone = next.alone;
      next.admit();
    }
  }

  function leave(): void {
    inside--;
    isTakenAlone = false;
    admitNext();
  }

  return {
    async enter(alone, signal) {
      signal.throwIfAborted();
      await new Promise<void>((resolve, reject) => {
        const waiting: Waiting = {
          alone,
          admit() {
            signal.removeEventListener('abort', giveUp);
            resolve();
          },
        };
        const giveUp = () => {
          queue.splice(queue.indexOf(waiting), 1);
          reject(signal.reason);
          admitNext();
        };
        signal.addEventListener('abort', giveUp, { once: true });
        queue.push(waiting);
        admitNext();
      });
      return leave;
    },
  };
}
