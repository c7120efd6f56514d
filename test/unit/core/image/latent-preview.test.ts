import { expect, test } from 'vitest';
import { cleanLatent, fitLatentColours, previewOf } from '../../../../src/core/image/latent-preview.ts';
import { randn } from '../../../../src/core/random/torch-generator.ts';
import { alphaBars } from '../../../../src/core/schedule/alpha-bar.ts';
import { weightedSum } from '../../../../src/core/tensor/weighted-sum.ts';
import { sd15Scheduler } from '../../../support/sd15-scheduler.ts';

const COLOURS = [
  [0.1, -0.2, 0.05, 0.3, -0.1],
  [0, 0.25, -0.1, 0.1, 0.2],
  [-0.3, 0.1, 0.2, 0, 0],
];

/** What a decoder would make that gives every pixel of a cell its colour by COLOURS, at `factor` pixels a cell side. */
function decode(latent: ReturnType<typeof randn>, factor: number) {
  const [, channels = 0, h = 0, w = 0] = latent.dims;
  const data = new Float32Array(3 * h * w * factor ** 2);
  for (let i = 0; i < data.length; i++) {
    const x = Math.floor((i % (w * factor)) / factor);
    const y = Math.floor((Math.floor(i / (w * factor)) % (h * factor)) / factor);
    const colour = COLOURS[Math.floor(i / (h * w * factor ** 2))] ?? [];
    data[i] = colour.reduce((sum, weight, c) => {
      return sum + weight * (c === channels ? 1 : (latent.data[(c * h + y) * w + x] ?? 0));
    }, 0);
  }
  return { data, dims: [1, 3, h * factor, w * factor] };
}

test('a decoder that is linear is found again exactly', () => {
  const latent = randn(0, [1, 4, 6, 5]);
  const found = fitLatentColours(latent, decode(latent, 8));
  for (const [plane, weights] of COLOURS.entries()) {
    for (const [channel, weight] of weights.entries()) expect(found[plane]?.[channel]).toBeCloseTo(weight, 5);
  }
});

test('a preview has one pixel for each cell, in the colour of its map', () => {
  const latent = { data: Float32Array.of(1, 0, 0, 0, 0, 0, 0, 0), dims: [1, 4, 1, 2] };
  const { width, height, pixels } = previewOf(latent, COLOURS);
  expect([width, height]).toEqual([2, 1]);
  // (0.1 - 0.1, 0 + 0.2, -0.3 + 0) and the constants alone, from -1..1 to 0..255.
  expect([...pixels]).toEqual([128, 153, 89, 115, 153, 128]);
});

test('with the noise itself for an output the clean latent is what was there before the noise', () => {
  const x0 = randn(1, [1, 4, 4, 4]);
  const eps = randn(2, [1, 4, 4, 4]);
  const alphaBar = alphaBars(sd15Scheduler)[400] ?? 0;
  const input = weightedSum([Math.sqrt(alphaBar), x0], [Math.sqrt(1 - alphaBar), eps]);
  const clean = cleanLatent(sd15Scheduler, { timestep: 400, input, output: eps });
  expect(Math.max(...clean.data.map((value, i) => Math.abs(value - (x0.data[i] ?? 0))))).toBeLessThan(1e-5);
});
