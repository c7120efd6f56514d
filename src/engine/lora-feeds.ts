import { assert } from '../core/assert.ts';
import type { Adapter, AdapterUse } from '../core/lora/adapter.ts';
import { rankBucket, rankOfSet, stackFactors, type WeightedAdapter } from '../core/lora/stack.ts';
import type { LoraComponent, LoraTarget } from '../core/lora/target.ts';
import type { Feed } from './session.ts';

/**
 * The LoRA inputs of a call. Every graph takes factors for each of its layers, so a call feeds hundreds of them; they are made once
 * for a list of sets and kept while there is room, because the same sets come back at every step. They are kept by content (sha256
 * and weight), so what is kept is never out of date.
 */

export interface LoraFeeds {
  /** The rank to which the set is padded. Rows of unequal buckets must not share a call. */
  bucketOf(uses: readonly AdapterUse[], component: LoraComponent): number;
  /** Factors for every LoRA input of the graph, [sets, ...]. All sets must be of one bucket. */
  feedsFor(graph: LoraInputs, sets: readonly (readonly AdapterUse[])[]): ReadonlyMap<string, Feed>;
}

/** The LoRA side of a graph. */
export interface LoraInputs {
  /** Unlike every other graph's. */
  readonly name: string;
  readonly component: LoraComponent;
  readonly loraTargets: readonly LoraTarget[];
}

/** Two rows with this key have the same LoRAs at the same weights, stacked in the same order. */
export function setKey(uses: readonly AdapterUse[]): string {
  return uses.map(({ adapter, weight }) => `${adapter}@${weight}`).join('+');
}

export function createLoraFeeds(options: {
  readonly adapterOf: (sha256: string) => Adapter;
  readonly maxBytes: number;
}): LoraFeeds {
  /** In order of last use, the oldest first. */
  const kept = new Map<string, { readonly feeds: ReadonlyMap<string, Feed>; readonly bytes: number }>();
  let keptBytes = 0;

  const weighted = (uses: readonly AdapterUse[]): WeightedAdapter[] =>
    uses.map(({ adapter, weight }) => ({ adapter: options.adapterOf(adapter), weight }));

  const bucketOf = (uses: readonly AdapterUse[], component: LoraComponent): number =>
    rankBucket(rankOfSet(weighted(uses), component));

  const forget = (key: string): void => {
    keptBytes -= kept.get(key)?.bytes ?? 0;
    kept.delete(key);
  };

  const keep = (key: string, feeds: ReadonlyMap<string, Feed>): void => {
    forget(key);
    const bytes = [...feeds.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
    kept.set(key, { feeds, bytes });
    keptBytes += bytes;
    for (const oldest of [...kept.keys()]) {
      if (keptBytes <= options.maxBytes) return;
      forget(oldest);
    }
  };

  return {
    bucketOf,
    feedsFor(graph, sets) {
      const key = [graph.name, ...sets.map(setKey)].join(' ');
      const buckets = new Set(sets.map((set) => bucketOf(set, graph.component)));
      assert(buckets.size === 1, `sets of ranks ${[...buckets].join(' and ')} meet in one call`);
      const [rank = 0] = buckets;
      const feeds = kept.get(key)?.feeds ?? stackAll(graph, sets.map(weighted), rank);
      keep(key, feeds);
      return feeds;
    },
  };
}

function stackAll(
  { component, loraTargets }: LoraInputs,
  sets: readonly (readonly WeightedAdapter[])[],
  rank: number,
): ReadonlyMap<string, Feed> {
  const feeds = new Map<string, Feed>();
  for (const target of loraTargets) {
    // A layer that no set touches takes rank 0, which is the same to the bit and costs nothing.
    const isTouched = sets.some((set) => set.some(({ adapter }) => adapter.factors[component].has(target.module)));
    const { a, b } = stackFactors(sets, target, isTouched ? rank : 0);
    feeds.set(`${target.module}.lora_A`, a);
    feeds.set(`${target.module}.lora_B`, b);
  }
  return feeds;
}
