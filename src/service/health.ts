import type { WorkerReport } from '../contract/worker-report.ts';
import type { WorkerRegistry } from '../store/worker-registry.ts';

/** Whether a request would be served now, and if not, what is missing. */
export interface Readiness {
  /** `ready`: Redis answers and a worker is ready. `loading`: Redis answers and a worker reads its checkpoint. */
  readonly status: 'ready' | 'loading' | 'unavailable';
  readonly redis: 'ok' | 'unreachable';
  readonly workers: readonly {
    readonly model: string;
    readonly device: string;
    readonly state: 'loading' | 'ready';
    /** What is being loaded, while `loading`. */
    readonly progress?: { readonly part: string; readonly done: number; readonly total: number };
  }[];
}

export interface Health {
  /** Never throws: an unreachable Redis is an answer. */
  readiness(): Promise<Readiness>;
}

export function createHealth(registry: WorkerRegistry): Health {
  return {
    async readiness() {
      let reports: readonly WorkerReport[];
      try {
        reports = await registry.list();
      } catch {
        // Not logged here: whoever owns the connection has said so, and a probe asks every few seconds.
        return { status: 'unavailable', redis: 'unreachable', workers: [] };
      }
      const states = reports.map((report) => report.state);
      const status = states.includes('ready') ? 'ready' : states.includes('loading') ? 'loading' : 'unavailable';
      return { status, redis: 'ok', workers: reports.map(describeWorker) };
    },
  };
}

function describeWorker(report: WorkerReport): Readiness['workers'][number] {
  const { model, device, state } = report;
  if (state === 'ready') return { model, device, state };
  const { part, done, total } = report;
  return { model, device, state, progress: { part, done, total } };
}
