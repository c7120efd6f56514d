import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * V8 lets a heap grow by how fast the program allocates, and a program that starts allocates fast: what its start has left it may
 * then collect, and everything after, only when the heap is four times as large as what lives in it. One collection in the middle of
 * ordinary work makes the next limits those of ordinary work: 135 MiB for a gateway that else goes up to 210 MiB and down again. It
 * takes some ten milliseconds.
 */
export function settleHeap(): void {
  setTimeout(() => {
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    collect();
  }, STARTED_MS).unref();
}

/** Long enough for modules to be compiled and the first requests to be served, short beside anything a service does. */
const STARTED_MS = 10_000;
