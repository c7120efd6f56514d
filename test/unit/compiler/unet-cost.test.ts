import { expect, test } from 'vitest';
import type { UnetConfig } from '../../../src/compiler/configs/unet-config.ts';
import { unetPassCost } from '../../../src/compiler/unet-cost.ts';
import type { Cut } from '../../../src/core/composition/method.ts';
import { macsOf, type PassCost } from '../../../src/core/pass-cost.ts';

/** Stable Diffusion 1.5, as its unet/config.json has it. */
const SD15: UnetConfig = {
  latentChannels: 4,
  sampleSize: 64,
  levels: [
    { channels: 320, heads: 8, downAttention: true, upAttention: true },
    { channels: 640, heads: 8, downAttention: true, upAttention: true },
    { channels: 1280, heads: 8, downAttention: true, upAttention: true },
    { channels: 1280, heads: 8, downAttention: false, upAttention: false },
  ],
  layersPerBlock: 2,
  normGroups: 32,
  normEpsilon: 1e-5,
  textWidth: 768,
  flipSinToCos: true,
  freqShift: 0,
};
const TOKENS = 77;
const SIZE = { height: 64, width: 64 };

const gmacs = (cost: PassCost) => macsOf(cost, SIZE) / 1e9;

/** Without the products inside attention: with each other cell, and of cells with tokens. */
function withoutAttention(cut?: Cut): number {
  const { fixed, levels } = unetPassCost(SD15, TOKENS, cut);
  const attends = (level: number) => (transformers(cut)[level] ?? 0) * 2 * TOKENS * (SD15.levels[level]?.channels ?? 0);
  return gmacs({
    fixed,
    levels: levels.map(({ perCell }, level) => ({ perCell: perCell - attends(level), perCellPair: 0 })),
  });
}

/** Transformers of each level: 2 down, 3 up, and 1 in the middle; behind the cut {0,3} the outermost level's 5. */
function transformers(cut?: Cut): readonly number[] {
  return cut === undefined ? [5, 5, 5, 1] : [5, 0, 0, 0];
}

test('a full pass of SD 1.5 at 512x512 is 401.64 GMAC with attention and 338.61 without', () => {
  expect(gmacs(unetPassCost(SD15, TOKENS))).toBeCloseTo(401.64, 1);
  expect(withoutAttention()).toBeCloseTo(338.61, 1);
});

test('a reuse pass at {0,3} is 152.71 GMAC with attention and 98.01 without', () => {
  const cut = { level: 0, layers: 3 };
  expect(gmacs(unetPassCost(SD15, TOKENS, cut))).toBeCloseTo(152.71, 1);
  expect(withoutAttention(cut)).toBeCloseTo(98.01, 1);
});

test.each([
  [{ level: 0, layers: 1 }, 0.08],
  [{ level: 0, layers: 2 }, 0.22],
  [{ level: 0, layers: 3 }, 0.38],
])('a reuse pass at %o is %d of a full one', (cut, share) => {
  expect(gmacs(unetPassCost(SD15, TOKENS, cut)) / gmacs(unetPassCost(SD15, TOKENS))).toBeCloseTo(share, 2);
});

test('the deeper the cut, the dearer the reuse, and always below a full pass', () => {
  const cuts = SD15.levels.flatMap((_, level) => [1, 2, 3].map((layers) => ({ level, layers })));
  const costs = [...cuts.map((cut) => gmacs(unetPassCost(SD15, TOKENS, cut))), gmacs(unetPassCost(SD15, TOKENS))];
  expect(costs).toEqual([...costs].sort((a, b) => a - b));
  expect(new Set(costs).size).toBe(costs.length);
});
