import type { Claim, JobJournal } from '../store/job-journal.ts';
import type { Span, Tracing } from '../telemetry/tracing.ts';

/**
 * The same journal, with a span for each attempt from its claim to its end, in the trace of the request that made the job. A claim
 * takes the span on: what an engine does for it lies within. An attempt that lost its job leaves none.
 */
export function traceJournal(journal: JobJournal, tracing: Tracing): JobJournal {
  const spans = new WeakMap<Claim, Span>();
  return {
    ...journal,
    async claim(id, device) {
      const claim = await journal.claim(id, device);
      if (claim === undefined) return undefined;
      const { attempt, job } = claim;
      const span = tracing.begin('job', {
        kind: 'consumer',
        parent: job.trace,
        attributes: { job: id, attempt, model: job.request.model, method: job.request.composition.method },
      });
      const traced: Claim =
        span.traceparent === undefined ? claim : { ...claim, job: { ...job, trace: span.traceparent } };
      spans.set(traced, span);
      return traced;
    },
    async finish(claim, end) {
      const hasEnded = await journal.finish(claim, end);
      const error = end.status === 'failed' ? end.error.code : undefined;
      spans.get(claim)?.end({ attributes: { status: end.status }, ...(error !== undefined && { error }) });
      return hasEnded;
    },
    async release(claim) {
      await journal.release(claim);
      spans.get(claim)?.end({ attributes: { status: 'released' } });
    },
  };
}
