import { ServiceError } from '../contract/errors.ts';
import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import type { WorkerReport } from '../contract/worker-report.ts';
import { InputError } from '../core/problem.ts';
import type { WorkerRegistry } from '../store/worker-registry.ts';
import { reaching } from './reaching.ts';

/** Which checkpoints are being served, as their workers say, and which were in the last week. */
export interface Models {
  /** One descriptor for each model that a worker serves whose engine is ready or was ready and starts again, by id. */
  list(): Promise<readonly ModelDescriptor[]>;
  /**
   * The model of a request; without an id, the only one served, or else the only one that was. Requests can be checked and planned
   * with it whether or not a worker is there. Throws `model_not_found` for a name that no worker ever had, `no_worker` where none has
   * been ready yet, and `invalid_request` where there are several and none is named.
   */
  find(id: string | undefined): Promise<ModelDescriptor>;
  /** Throws `no_worker` where nobody would take a job for this model now. */
  expectWorker(id: string): Promise<void>;
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
      const model = served.find((candidate) => candidate.id === id);
      if (model !== undefined) return model;
      if (id === undefined && served.length > 0) return onlyOne(served);
      const known = await reaching('Redis', () => registry.knownModels());
      if (id === undefined) return onlyOne(known);
      const remembered = known.find((candidate) => candidate.id === id);
      if (remembered !== undefined) return remembered;
      if (await reaching('Redis', () => registry.isKnownModel(id))) throw noWorker(id);
      throw new ServiceError('model_not_found', `model is '${id}'; ${namesOf(served)}`);
    },
    async expectWorker(id) {
      const served = await list();
      if (!served.some((model) => model.id === id)) throw noWorker(id);
    },
  };
}

function noWorker(id: string): ServiceError {
  return new ServiceError('no_worker', `no worker is ready for model '${id}'`);
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
