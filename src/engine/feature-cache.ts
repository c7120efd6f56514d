import { ServiceError } from '../contract/errors.ts';
import { assert } from '../core/assert.ts';
import type { Tensor } from '../core/tensor/tensor.ts';

/**
 * Remembers the deep features that composition decided to keep. What is stored, when it is used again and when it is too old is
 * decided in core; here is only the memory, and its bound.
 */

export interface FeatureCache {
  /** Stores or replaces. Throws `unavailable` if the bound would be passed. */
  put(key: string, feature: Tensor): void;
  /** The stored feature. That it is there is the planner's promise. */
  get(key: string): Tensor;
  has(key: string): boolean;
  dropByPrefix(prefix: string): void;
  readonly count: () => number;
  readonly bytes: () => number;
}

export function createFeatureCache(maxBytes: number): FeatureCache {
  const features = new Map<string, Tensor>();
  let bytes = 0;

  const remove = (key: string): void => {
    bytes -= features.get(key)?.data.byteLength ?? 0;
    features.delete(key);
  };

  return {
    put(key, feature) {
      remove(key);
      const size = feature.data.byteLength;
      if (bytes + size > maxBytes) {
        throw new ServiceError(
          'unavailable',
          `the feature cache holds ${bytes} bytes and ${size} more would pass its bound of ${maxBytes}; ` +
            'run fewer jobs at a time, make a smaller picture, or use composition.cut "none"',
        );
      }
      features.set(key, feature);
      bytes += size;
    },
    get(key) {
      const feature = features.get(key);
      assert(feature !== undefined, `a pass reuses feature ${key}, which was never stored or has been dropped`);
      return feature;
    },
    has: (key) => features.has(key),
    dropByPrefix(prefix) {
      for (const key of [...features.keys()]) if (key.startsWith(prefix)) remove(key);
    },
    count: () => features.size,
    bytes: () => bytes,
  };
}
