/**
 * Progress for a person at a terminal: silent while all is quick, then a line now and then. Loading a large checkpoint blocks the
 * thread for seconds at a time, so nothing here may wait for a timer: a line is written when it is given or not at all.
 */

const QUIET_MS = 2000;
const INTERVAL_MS = 1000;

export function createProgress(options: {
  readonly write: (line: string) => void;
  readonly now: () => number;
}): (line: string) => void {
  let nextAtMs = options.now() + QUIET_MS;
  return (line) => {
    if (options.now() < nextAtMs) return;
    options.write(line);
    nextAtMs = options.now() + INTERVAL_MS;
  };
}
