import { assert } from '../assert.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Adapter, LowRankFactors } from './adapter.ts';
import type { LoraComponent, LoraTarget } from './target.ts';

/**
 * Adapters as the graphs take them. A set is the adapters that act on one row at once; its low-rank factors of a layer are
 * concatenated along the rank, which adds their effects exactly:
 *
 *   x·[a1 a2]·[w1·b1; w2·b2] = w1·(x·a1)·b1 + w2·(x·a2)·b2
 *
 * and zeros fill the rank up to the set's bucket. Nothing is decided here: which adapters form a set, and in which order, is
 * composition's; which rows share a call is the engine's.
 */

/** An adapter at its weight. */
export interface WeightedAdapter {
  readonly adapter: Adapter;
  readonly weight: number;
}

export interface StackedFactors {
  /** [sets, inputWidth, rank] */
  readonly a: Tensor;
  /** [sets, rank, outputWidth], with alpha / rank and the request's weight in it. */
  readonly b: Tensor;
}

/**
 * The LoRA inputs of one layer. `rank` is the bucket of the sets, which must be at least the rank of each set at this layer. A set
 * without adapters, or whose adapters do not touch the layer, is all zeros; with rank 0 the inputs are empty and the layer is bit
 * for bit the base model's.
 */
export function stackFactors(
  sets: readonly (readonly WeightedAdapter[])[],
  target: LoraTarget,
  rank: number,
): StackedFactors {
  const { component, module, inputWidth, outputWidth } = target;
  const a = new Float32Array(sets.length * inputWidth * rank);
  const b = new Float32Array(sets.length * rank * outputWidth);
  sets.forEach((set, index) => {
    const setA = a.subarray(index * inputWidth * rank, (index + 1) * inputWidth * rank);
    const setB = b.subarray(index * rank * outputWidth, (index + 1) * rank * outputWidth);
    let usedRank = 0;
    for (const { adapter, weight } of set) {
      const factors = adapter.factors[component].get(module);
      if (factors === undefined) continue;
      assert(usedRank + factors.rank <= rank, `${module} needs more than rank ${rank}`);
      copyColumns(factors, setA, { fromColumn: usedRank, columnCount: rank });
      copyScaled(factors.b, weight, setB.subarray(usedRank * outputWidth));
      usedRank += factors.rank;
    }
  });
  return {
    a: { data: a, dims: [sets.length, inputWidth, rank] },
    b: { data: b, dims: [sets.length, rank, outputWidth] },
  };
}

/** The largest rank that the set has at any layer: what its bucket must hold. */
export function rankOfSet(set: readonly WeightedAdapter[], component: LoraComponent): number {
  const rankByModule = new Map<string, number>();
  for (const { adapter } of set) {
    for (const [module, { rank }] of adapter.factors[component]) {
      rankByModule.set(module, (rankByModule.get(module) ?? 0) + rank);
    }
  }
  return Math.max(0, ...rankByModule.values());
}

const SMALLEST_BUCKET = 8;
const LARGEST_DOUBLED_BUCKET = 128;

/**
 * The rank that a set is padded to: 0, 8, 16, 32, 64, 128, and then multiples of 128. It depends on the row's own set alone, because
 * padding changes the last bits of a result: were it taken from the rows that happen to share the call, a picture would depend on
 * its neighbours.
 */
export function rankBucket(rank: number): number {
  if (rank === 0) return 0;
  if (rank > LARGEST_DOUBLED_BUCKET) return Math.ceil(rank / LARGEST_DOUBLED_BUCKET) * LARGEST_DOUBLED_BUCKET;
  return Math.max(SMALLEST_BUCKET, 2 ** Math.ceil(Math.log2(rank)));
}

/** Writes `a`, [inputWidth, rank], as columns of a matrix with `columnCount` of them. */
function copyColumns(
  factors: LowRankFactors,
  target: Float32Array,
  place: { readonly fromColumn: number; readonly columnCount: number },
): void {
  const { rank, a } = factors;
  for (let from = 0, to = place.fromColumn; from < a.length; from += rank, to += place.columnCount) {
    target.set(a.subarray(from, from + rank), to);
  }
}

function copyScaled(source: Float32Array, scale: number, target: Float32Array): void {
  for (let i = 0; i < source.length; i++) target[i] = (source[i] ?? 0) * scale;
}
