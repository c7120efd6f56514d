import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { residentMemory } from './engine-metrics.ts';

/** What a gateway measures: its own calls, and what it reads in Redis of the service as a whole when somebody asks. */
export interface GatewayMetrics {
  readonly registry: Registry;
  readonly calls: Counter<'door' | 'call' | 'status'>;
  readonly callSeconds: Histogram<'door' | 'call'>;
  readonly eventsDropped: Counter;
  readonly webhooks: Counter<'outcome'>;
  readonly webhooksWaiting: Gauge;
  readonly redisUp: Gauge;
  readonly queueJobs: Gauge<'model' | 'state'>;
  readonly queueOldestSeconds: Gauge<'model'>;
  readonly workers: Gauge<'model' | 'device' | 'state'>;
  readonly residentMemoryBytes: Gauge<'process'>;
}

export function createGatewayMetrics(): GatewayMetrics {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    calls: new Counter({
      name: 'overtone_calls_total',
      help: 'Calls answered, by door, route or rpc, and status.',
      labelNames: ['door', 'call', 'status'],
      registers,
    }),
    callSeconds: new Histogram({
      name: 'overtone_call_seconds',
      help: 'From a call to its answer; streams last as long as what they watch.',
      labelNames: ['door', 'call'],
      buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 60],
      registers,
    }),
    eventsDropped: new Counter({
      name: 'overtone_events_dropped_total',
      help: 'Events dropped from the buffer of a watcher that was too slow, which then reads them from Redis.',
      registers,
    }),
    webhooks: new Counter({
      name: 'overtone_webhooks_total',
      help: 'Webhooks by what became of an attempt: delivered, retried, given_up.',
      labelNames: ['outcome'],
      registers,
    }),
    webhooksWaiting: new Gauge({
      name: 'overtone_webhooks_waiting',
      help: 'Webhooks that are still to be delivered.',
      registers,
    }),
    redisUp: new Gauge({ name: 'overtone_redis_up', help: '1 while Redis answers.', registers }),
    queueJobs: new Gauge({
      name: 'overtone_queue_jobs',
      help: 'Jobs that wait for a worker, and jobs that a worker has.',
      labelNames: ['model', 'state'],
      registers,
    }),
    queueOldestSeconds: new Gauge({
      name: 'overtone_queue_oldest_seconds',
      help: 'How long the oldest of the waiting jobs has waited.',
      labelNames: ['model'],
      registers,
    }),
    workers: new Gauge({
      name: 'overtone_workers',
      help: 'Workers that live, by what they serve.',
      labelNames: ['model', 'device', 'state'],
      registers,
    }),
    residentMemoryBytes: residentMemory('gateway', registry),
  };
}
