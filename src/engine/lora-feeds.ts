import type { Adapter, AdapterUse } from '../core/lora/adapter.ts';
import { rankBucket, rankOfSet, stackFactors, type WeightedAdapter } from '../core/lora/stack.ts';
import type { LoraComponent, LoraTarget } from '../core/lora/target.ts';
import type { Feed } from './session.ts';

/**
 * The LoRA inputs of a call. Every graph takes factors for each of its layers, so a call feeds hundreds of them; they are made once
 * for a list of sets and kept while there is room, because the same sets come back at every step. Kept by content (sha256 and
 * weight), so nothing here is ever wrong, only forgotten.
 */

/** The graph that is fed: its name sets it apart from others, its targets are its inputs. All are of one component. */
export interface LoraInputs {
  readonly graph: string;
  readonly component: LoraComponent;
  readonly targets: readonly LoraTarget[];
}

export interface LoraFeeds {
  /** Rows with unequal buckets must not share a call. */
  bucketOf(uses: readonly AdapterUse[], component: LoraComponent): number;
  /** Factors for every LoRA input of the graph. All sets are of the bucket `rank`. */
  feedsFor(inputs: LoraInputs, sets: readonly (readonly AdapterUse[])[], rank: number): ReadonlyMap<string, Feed>;
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
  const known = new Map<string, ReadonlyMap<string, Feed>>();
  const weighted = (uses: readonly AdapterUse[]): WeightedAdapter[] =>
    uses.map(({ adapter, weight }) => ({ adapter: options.adapterOf(adapter), weight }));

  const remember = (key: string, feeds: ReadonlyMap<string, Feed>): void => {
    known.delete(key);
    known.set(key, feeds);
    let bytes = [...known.values()].reduce((sum, kept) => sum + sizeOf(kept), 0);
    for (const [oldest, kept] of [...known]) {
      if (bytes <= options.maxBytes) return;
      known.delete(oldest);
      bytes -= sizeOf(kept);
    }
  };

  return {
    bucketOf: (uses, component) => rankBucket(rankOfSet(weighted(uses), component)),
    feedsFor(inputs, sets, rank) {
      const key = [inputs.graph, ...sets.map(setKey)].join(' ');
      const feeds = known.get(key) ?? makeFeeds(inputs, sets.map(weighted), rank);
      remember(key, feeds);
      return feeds;
    },
  };
}

function makeFeeds(
  { component, targets }: LoraInputs,
  sets: readonly (readonly WeightedAdapter[])[],
  rank: number,
): ReadonlyMap<string, Feed> {
  return new Map(
    targets.flatMap((target): [string, Feed][] => {
      // A layer that no set touches takes rank 0, which is the same to the bit and costs nothing.
      const isTouched = sets.some((set) => set.some(({ adapter }) => adapter.factors[component].has(target.module)));
      const { a, b } = stackFactors(sets, target, isTouched ? rank : 0);
      return [
        [`${target.module}.lora_A`, a],
        [`${target.module}.lora_B`, b],
      ];
    }),
  );
}

function sizeOf(feeds: ReadonlyMap<string, Feed>): number {
  return [...feeds.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
}
