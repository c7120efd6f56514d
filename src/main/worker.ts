/**
 * The worker's program: takes jobs of one model from the queue, has its engine child run them, and stores what comes of it. A
 * parent that forked it is told about the engine.
 */
import { openWorker } from './open-worker.ts';
import { runProgram } from './program.ts';

runProgram('worker', (settings, logger, fail) =>
  openWorker({ settings, logger, fail, onState: (state) => process.send?.(state) }),
);
