import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Adapter } from '../../../../src/core/lora/adapter.ts';
import { rankBucket, stackFactors } from '../../../../src/core/lora/stack.ts';
import type { LoraTarget } from '../../../../src/core/lora/target.ts';

const LAYER: LoraTarget = { component: 'unet', module: 'layer', inputWidth: 3, outputWidth: 2 };

const value = fc.integer({ min: -8, max: 8 });

const weighted = fc.integer({ min: 1, max: 4 }).chain((rank) =>
  fc
    .record({
      a: fc.array(value, { minLength: 3 * rank, maxLength: 3 * rank }),
      b: fc.array(value, { minLength: 2 * rank, maxLength: 2 * rank }),
      weight: value,
    })
    .map(({ a, b, weight }) => {
      const factors = { rank, a: Float32Array.from(a), b: Float32Array.from(b) };
      const adapter: Adapter = {
        sha256: '',
        factors: { unet: new Map([['layer', factors]]), text_encoder: new Map() },
      };
      return { adapter, weight };
    }),
);

/** x·a·b for a [inputWidth, rank] and b [rank, outputWidth]. Small integers, so every sum is exact. */
function applied(x: readonly number[], a: Float32Array, b: Float32Array): readonly number[] {
  const rank = a.length / x.length;
  const inner = Array.from({ length: rank }, (_, r) => x.reduce((sum, xi, i) => sum + xi * (a[i * rank + r] ?? 0), 0));
  const width = LAYER.outputWidth;
  return Array.from({ length: width }, (_, o) =>
    inner.reduce((sum, value, r) => sum + value * (b[r * width + o] ?? 0), 0),
  );
}

test('a stacked set always does what its adapters do one by one, in any order and at any padding', () => {
  const input = fc.array(value, { minLength: 3, maxLength: 3 });
  const padding = fc.integer({ min: 0, max: 5 });
  fc.assert(
    fc.property(fc.array(weighted, { maxLength: 4 }), input, padding, (set, x, extra) => {
      const factorsOf = ({ adapter }: (typeof set)[number]) => adapter.factors.unet.get('layer');
      const rank = set.reduce((sum, member) => sum + (factorsOf(member)?.rank ?? 0), extra);
      const expected = set
        .map((member) =>
          applied(x, factorsOf(member)?.a ?? new Float32Array(), factorsOf(member)?.b ?? new Float32Array()).map(
            (y) => y * member.weight,
          ),
        )
        .reduce((sum, part) => sum.map((y, o) => y + (part[o] ?? 0)), [0, 0]);
      for (const order of [set, set.toReversed()]) {
        const { a, b } = stackFactors([order], LAYER, rank);
        expect(applied(x, a.data, b.data).map((y) => y + 0)).toEqual(expected.map((y) => y + 0));
      }
    }),
  );
});

test('a bucket always holds the rank, and wastes less than it or the smallest bucket', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4096 }), (rank) => {
      const bucket = rankBucket(rank);
      expect(bucket).toBeGreaterThanOrEqual(rank);
      expect(bucket).toBeLessThanOrEqual(Math.max(8, 2 * rank));
      expect(rankBucket(bucket)).toBe(bucket);
    }),
  );
});
