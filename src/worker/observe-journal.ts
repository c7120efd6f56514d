import type { Claim, JobJournal } from '../store/job-journal.ts';
import type { WorkerMetrics } from '../telemetry/worker-metrics.ts';

/** The same journal, with what passes through it measured: how long jobs waited, ran, and how they ended. */
export function observeJournal(journal: JobJournal, metrics: WorkerMetrics, now: () => number): JobJournal {
  const started = new WeakMap<Claim, number>();
  return {
    ...journal,
    async claim(id, device) {
      const claim = await journal.claim(id, device);
      if (claim !== undefined) {
        started.set(claim, now());
        metrics.queuedSeconds.observe(claim.queuedMs / 1000);
      }
      return claim;
    },
    async finish(claim, end) {
      const hasEnded = await journal.finish(claim, end);
      if (!hasEnded) return false;
      metrics.jobs.inc({ status: end.status });
      const { method } = claim.job.request.composition;
      const start = started.get(claim);
      if (end.status === 'completed' && start !== undefined) {
        metrics.jobSeconds.observe({ method }, (now() - start) / 1000);
      }
      return true;
    },
    async release(claim) {
      await journal.release(claim);
      metrics.jobs.inc({ status: 'retried' });
    },
  };
}
