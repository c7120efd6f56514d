import type { Redis } from 'ioredis';
import type { ModelDescriptor } from '../../src/contract/model-descriptor.ts';
import { createWorkerRegistry, REPORT_LIFETIME_MS } from '../../src/store/worker-registry.ts';

/** Says of itself what a worker would, again and again, so that a gateway accepts jobs that nobody runs. Call the result to stop. */
export async function playWorker(redis: Redis, descriptor: ModelDescriptor): Promise<() => void> {
  const registry = createWorkerRegistry(redis, Date.now);
  const report = () =>
    registry.report({ worker: 'played', model: descriptor.id, device: 'cpu', state: 'ready', descriptor });
  await report();
  const timer = setInterval(() => void report().catch(() => {}), REPORT_LIFETIME_MS / 4);
  return () => clearInterval(timer);
}
