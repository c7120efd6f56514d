import { ServiceError } from '../contract/errors.ts';
import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import type { WorkerReport } from '../contract/worker-report.ts';
import { InputError } from '../core/problem.ts';
import type { WorkerRegistry } from '../store/worker-registry.ts';
import { reaching } from './reaching.ts';

/** Which checkpoints are being served, as their workers say. */
export interface Models {
  /** One descriptor for each model that a worker serves whose engine is ready or was ready and starts again, by id. */
  list(): Promise<readonly ModelDescriptor[]>;
  /**
   * The model of a request; without an id, the only one served. Throws `model_not_found` for a name that no worker ever had,
   * `no_worker` where its workers are away or still load for the first time, and `invalid_request` where several are served and none is named.
   */
  find(id: string | undefined): Promise<ModelDescriptor>;
}

export function createModels(registry: WorkerRegistry, now: () => number): Models {
  const readReports = remembered(() => reaching('Redis', () => registry.list()), now);

  async function list(): Promise<readonly ModelDescriptor[]> {
    const reports = await readReports();
    const known = reports.flatMap((report) => report.descriptor ?? []);
    return [...new Map(known.map((model) => [model.id, model])).values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  return {
    list,
    async find(id) {
      const served = await list();
      if (id === undefined) return onlyOne(served);
      const model = served.find((candidate) => candidate.id === id);
      if (model !== undefined) return model;
      if (await reaching('Redis', () => registry.isKnownModel(id))) {
        throw new ServiceError('no_worker', `no worker is ready for model '${id}'`);
      }
      throw new ServiceError('model_not_found', `model is '${id}'; ${namesOf(served)}`);
    },
  };
}

function onlyOne(served: readonly ModelDescriptor[]): ModelDescriptor {
  const [model, ...others] = served;
  if (model === undefined) throw new ServiceError('no_worker', 'no worker is ready');
  if (others.length === 0) return model;
  const message = `model is missing; ${namesOf(served)}`;
  throw new InputError([{ code: 'invalid_request', subject: 'model', message }]);
}

function namesOf(served: readonly ModelDescriptor[]): string {
  return served.length === 0 ? 'none is served at present' : `served are ${served.map(({ id }) => id).join(', ')}`;
}

/** What the workers said this long ago is good enough to accept a job by: it is a tenth of what a report lives. */
const REMEMBER_MS = 1000;

/** One read for all requests of a moment. A read that fails, or that found no worker, is not kept. */
function remembered(
  read: () => Promise<readonly WorkerReport[]>,
  now: () => number,
): () => Promise<readonly WorkerReport[]> {
  let latest: { readonly time: number; readonly reports: Promise<readonly WorkerReport[]> } | undefined;
  return () => {
    if (latest !== undefined && now() - latest.time < REMEMBER_MS) return latest.reports;
    const current = { time: now(), reports: read() };
    latest = current;
    const forget = () => {
      if (latest === current) latest = undefined;
    };
    current.reports.then((reports) => {
      if (!reports.some((report) => report.descriptor !== null)) forget();
    }, forget);
    return current.reports;
  };
}
