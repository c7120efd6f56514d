/**
 * The worker's program: takes jobs of one model from the queue, has its engine child run them, and stores what comes of it. A
 * parent that forked it is told about the engine, and so is whoever reads the health file.
 */
import { startHealthFile } from './health-file.ts';
import { openWorker } from './open-worker.ts';
import { runProgram } from './program.ts';

runProgram('worker', async (settings, logger, fail) => {
  const { healthFile: path } = settings;
  const health = path === undefined ? undefined : startHealthFile({ path, logger });
  const worker = await openWorker({
    settings,
    logger,
    fail,
    onState(state) {
      health?.set(state.kind);
      process.send?.(state);
    },
  });
  return {
    async close() {
      await worker.close();
      health?.close();
    },
  };
});
