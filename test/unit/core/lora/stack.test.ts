import { expect, test } from 'vitest';
import type { Adapter, LowRankFactors } from '../../../../src/core/lora/adapter.ts';
import { rankBucket, rankOfSet, stackFactors } from '../../../../src/core/lora/stack.ts';
import type { LoraTarget } from '../../../../src/core/lora/target.ts';

const LAYER: LoraTarget = { component: 'unet', module: 'layer', inputWidth: 2, outputWidth: 3 };

function adapter(factors: Readonly<Record<string, LowRankFactors>>): Adapter {
  return { sha256: '', factors: { unet: new Map(Object.entries(factors)), text_encoder: new Map() } };
}

const ONE = adapter({ layer: { rank: 1, a: Float32Array.of(1, 2), b: Float32Array.of(1, 2, 3) } });
const TWO = adapter({
  layer: { rank: 2, a: Float32Array.of(3, 4, 5, 6), b: Float32Array.of(4, 5, 6, 7, 8, 9) },
  other: { rank: 9, a: new Float32Array(), b: new Float32Array() },
});

test('a set is concatenated along the rank, weighted in b and padded with zeros', () => {
  const set = [
    { adapter: ONE, weight: 2 },
    { adapter: TWO, weight: -1 },
  ];
  const { a, b } = stackFactors([set], LAYER, 4);
  expect(a).toEqual({ dims: [1, 2, 4], data: Float32Array.of(1, 3, 4, 0, 2, 5, 6, 0) });
  expect(b).toEqual({ dims: [1, 4, 3], data: Float32Array.of(2, 4, 6, -4, -5, -6, -7, -8, -9, 0, 0, 0) });
});

test('every set has its own place, and one that does not touch the layer is zeros', () => {
  const { a, b } = stackFactors([[], [{ adapter: ONE, weight: 1 }]], LAYER, 1);
  expect(a).toEqual({ dims: [2, 2, 1], data: Float32Array.of(0, 0, 1, 2) });
  expect(b).toEqual({ dims: [2, 1, 3], data: Float32Array.of(0, 0, 0, 1, 2, 3) });
});

test('rank 0 is empty', () => {
  const { a, b } = stackFactors([[]], LAYER, 0);
  expect([a.dims, b.dims, a.data.length, b.data.length]).toEqual([[1, 2, 0], [1, 0, 3], 0, 0]);
});

test('a set that does not fit its rank is a mistake of the caller', () => {
  expect(() => stackFactors([[{ adapter: TWO, weight: 1 }]], LAYER, 1)).toThrow('layer needs more than rank 1');
});

test('the rank of a set is the largest sum at any layer', () => {
  const both = [ONE, TWO].map((member) => ({ adapter: member, weight: 1 }));
  expect(rankOfSet(both, 'unet')).toBe(9);
  expect(rankOfSet(both, 'text_encoder')).toBe(0);
  expect(rankOfSet([...both, ...both, ...both, ...both], 'unet')).toBe(36);
});

test.each([
  [0, 0],
  [1, 8],
  [8, 8],
  [9, 16],
  [33, 64],
  [128, 128],
  [129, 256],
  [257, 384],
])('rank %d is padded to %d', (rank, bucket) => {
  expect(rankBucket(rank)).toBe(bucket);
});
