/** Upkeep that a program does again and again while it runs, one round at a time. */

/**
 * Calls `round`, which never rejects, `pauseMs` milliseconds after the start and after the end of each round, until the returned
 * function is called; that resolves when the last round has ended.
 */
export function keepRounds(round: () => Promise<void>, pauseMs: () => number): () => Promise<void> {
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  const turn = async () => {
    await round();
    if (!isStopped) schedule();
  };
  const schedule = () => {
    timer = setTimeout(() => {
      running = turn();
    }, pauseMs());
  };
  schedule();
  return async () => {
    isStopped = true;
    clearTimeout(timer);
    await running;
  };
}
