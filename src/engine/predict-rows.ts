import { assert } from '../core/assert.ts';
import type { CacheUse } from '../core/composition/method.ts';
import type { Tensor } from '../core/tensor/tensor.ts';
import { weightedSum } from '../core/tensor/weighted-sum.ts';
import type { EnginePorts, UnetRow } from '../pipeline/ports.ts';
import type { Batcher } from './batcher.ts';
import type { FeatureCache } from './feature-cache.ts';
import type { UnetOutput, UnetTask } from './unet.ts';

/**
 * The rows of one evaluation between the U-Net and the feature cache: a reuse pass is given what the cache holds, and what a refresh
 * pass leaves is stored. Rows that start from an origin of this evaluation wait until it has been computed; all others run at once.
 */

export function createPredict(unet: Batcher<UnetTask, UnetOutput>, features: FeatureCache): EnginePorts['predict'] {
  return async (rows, signal) => {
    const predictions = new Map<UnetRow, Tensor>();
    for (const wave of [rows.filter((row) => !waitsForOrigin(row)), rows.filter(waitsForOrigin)]) {
      const outputs = await unet.submit(
        wave.map((row) => taskOf(row, features)),
        signal,
      );
      // Stored here and not in the call, so that a cache that is full fails the job that would pass its bound and no other.
      for (const [index, row] of wave.entries()) {
        const output = outputs[index];
        assert(output !== undefined, 'one output for each row');
        predictions.set(row, output.prediction);
        if (output.feature !== null && row.cache !== undefined) store(output.feature, row.cache, features);
      }
    }
    return rows.flatMap((row) => predictions.get(row) ?? []);
  };
}

function waitsForOrigin({ cache }: UnetRow): boolean {
  return cache?.mode === 'reuse' && cache.relativeTo !== undefined;
}

function taskOf(row: UnetRow, features: FeatureCache): UnetTask {
  const { cache } = row;
  if (cache?.mode !== 'reuse') return { kind: 'full', row, keep: cache?.cut ?? null };
  return { kind: 'reuse', row, cut: cache.cut, feature: featureFor(cache, features) };
}

function featureFor({ key, relativeTo, trend = 0 }: CacheUse, features: FeatureCache): Tensor {
  const stored = features.get(key);
  if (relativeTo !== undefined) return weightedSum([1, stored], [1, features.get(relativeTo)]);
  return trend === 0 ? stored : weightedSum([1 + trend, stored], [-trend, features.get(keyBefore(key))]);
}

function store(feature: Tensor, { key, relativeTo, trend }: CacheUse, features: FeatureCache): void {
  if (trend !== undefined && features.has(key)) features.put(keyBefore(key), features.get(key));
  features.put(key, relativeTo === undefined ? feature : weightedSum([1, feature], [-1, features.get(relativeTo)]));
}

/** Where the feature lies that was stored before the last. */
function keyBefore(key: string): string {
  return `${key}/before`;
}
