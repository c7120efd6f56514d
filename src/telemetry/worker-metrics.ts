import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { residentMemory } from './engine-metrics.ts';

/** What a worker measures of its jobs. A gateway prints it. */
export interface WorkerMetrics {
  readonly registry: Registry;
  readonly jobs: Counter<'status'>;
  readonly jobSeconds: Histogram<'method'>;
  readonly queuedSeconds: Histogram;
  readonly liveJobs: Gauge;
  readonly residentMemoryBytes: Gauge<'process'>;
}

const JOB_BUCKETS = [0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000];

export function createWorkerMetrics(): WorkerMetrics {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    jobs: new Counter({
      name: 'overtone_jobs_total',
      help: 'Jobs that this worker has ended, by how; retried: given back after something that may pass.',
      labelNames: ['status'],
      registers,
    }),
    jobSeconds: new Histogram({
      name: 'overtone_job_seconds',
      help: 'From the start of a job to its completion.',
      labelNames: ['method'],
      buckets: JOB_BUCKETS,
      registers,
    }),
    queuedSeconds: new Histogram({
      name: 'overtone_job_queued_seconds',
      help: 'From the acceptance of a job to its start.',
      buckets: JOB_BUCKETS,
      registers,
    }),
    liveJobs: new Gauge({ name: 'overtone_live_jobs', help: 'Jobs that run at this moment.', registers }),
    residentMemoryBytes: residentMemory('worker', registry),
  };
}
