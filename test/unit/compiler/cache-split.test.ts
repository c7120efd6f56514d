import { expect, test } from 'vitest';
import { featureChannels, resnetsAfterCut } from '../../../src/compiler/cache-split.ts';
import type { UnetConfig, UnetLevel } from '../../../src/compiler/configs/unet-config.ts';

const level = (channels: number): UnetLevel => ({ channels, heads: 8, downAttention: true, upAttention: true });

/** Stable Diffusion 1.5's widths. */
const unet: UnetConfig = {
  latentChannels: 4,
  sampleSize: 64,
  levels: [level(320), level(640), level(1280), level(1280)],
  layersPerBlock: 2,
  normGroups: 32,
  normEpsilon: 1e-5,
  textWidth: 768,
  flipSinToCos: true,
  freqShift: 0,
};

/** The table of cmlora.md, C.1. */
test.each([
  [{ level: 0, layers: 1 }, 1, 320],
  [{ level: 0, layers: 2 }, 2, 320],
  [{ level: 0, layers: 3 }, 3, 640],
  [{ level: 1, layers: 1 }, 4, 640],
  [{ level: 1, layers: 3 }, 6, 1280],
  [{ level: 3, layers: 3 }, 12, 1280],
])('the cut %o leaves %d resnets to run, from a feature of %d channels', (cut, resnets, channels) => {
  expect(resnetsAfterCut(cut, unet)).toBe(resnets);
  expect(featureChannels(cut, unet)).toBe(channels);
});

test.each([
  { level: 4, layers: 1 },
  { level: -1, layers: 1 },
  { level: 0, layers: 0 },
  { level: 0, layers: 4 },
])('the cut %o does not exist', (cut) => {
  expect(() => resnetsAfterCut(cut, unet)).toThrow('assertion failed: cut');
});
