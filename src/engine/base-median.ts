import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import { measureBaseMedian } from '../pipeline/measure-threshold.ts';
import type { BaseMedianQuery, EnginePorts } from '../pipeline/ports.ts';

/**
 * Medians of the plain model, measured when a job asks for the first time and kept: each is a few numbers of work for a number. Jobs
 * that ask for the same at once share a measurement; where the job that makes it is cancelled, another makes it anew.
 */
export function createBaseMedian(
  model: ModelDescriptor,
  ports: Pick<EnginePorts, 'tokenize' | 'encodeText' | 'predict'>,
): EnginePorts['baseMedian'] {
  const known = new Map<string, Promise<number>>();
  return async (query, signal) => {
    const key = keyOf(query);
    for (;;) {
      const others = known.get(key);
      if (others === undefined) break;
      const found = await Promise.race([others.catch(() => undefined), untilAborted(signal)]);
      signal.throwIfAborted();
      if (found !== undefined) return found;
    }
    if (known.size >= KNOWN_MAX) known.clear();
    const own = measureBaseMedian(query, model, ports, signal);
    known.set(key, own);
    own.catch(() => {
      if (known.get(key) === own) known.delete(key);
    });
    return await own;
  };
}

/** Far more than there are sizes and scales in use; past it the memory starts anew. */
const KNOWN_MAX = 1000;

function keyOf({ width, height, guidanceScale, timestep }: BaseMedianQuery): string {
  return [width, height, guidanceScale, timestep].join(' ');
}

function untilAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
