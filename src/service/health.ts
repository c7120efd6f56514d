import type { WorkerReport } from '../contract/worker-report.ts';
import type { WorkerRegistry } from '../store/worker-registry.ts';

/** Whether a request would be served now, and if not, what is missing. */
export interface Readiness {
  /** `ready`: Redis answers and a worker is ready. `loading`: Redis answers and a worker reads its checkpoint. */
  readonly status: 'ready' | 'loading' | 'unavailable';
  /** `refuses_writes`: it answers, and takes no jobs: it is full, or a copy of another. */
  readonly redis: 'ok' | 'refuses_writes' | 'unreachable';
  /** Every model that is served, or was in the last week. */
  readonly models: readonly { readonly id: string; readonly status: 'ready' | 'loading' | 'no_worker' }[];
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
      let names: readonly string[];
      try {
        [reports, names] = await Promise.all([registry.list(), registry.modelNames()]);
      } catch {
        // Not logged here: whoever owns the connection has said so, and a probe asks every few seconds.
        return { status: 'unavailable', redis: 'unreachable', models: [], workers: [] };
      }
      const takesWrites = await registry.probe().then(
        () => true,
        () => false,
      );
      const models = [...names].sort().map((id) => {
        const states = reports.filter(({ model }) => model === id).map(({ state }) => state);
        return { id, status: bestOf(states) ?? ('no_worker' as const) };
      });
      const status = takesWrites ? (bestOf(reports.map(({ state }) => state)) ?? 'unavailable') : 'unavailable';
      return { status, redis: takesWrites ? 'ok' : 'refuses_writes', models, workers: reports.map(describeWorker) };
    },
  };
}

function bestOf(states: readonly WorkerReport['state'][]): WorkerReport['state'] | undefined {
  return states.includes('ready') ? 'ready' : states[0];
}

function describeWorker(report: WorkerReport): Readiness['workers'][number] {
  const { model, device, state } = report;
  if (state === 'ready') return { model, device, state };
  const { part, done, total } = report;
  return { model, device, state, progress: { part, done, total } };
}
