import { expect, test } from 'vitest';
import { alphaBars } from '../../../../src/core/schedule/alpha-bar.ts';
import { sd15Scheduler } from '../../../support/sd15-scheduler.ts';

/** Expected values are `DDIMScheduler(...).alphas_cumprod` of diffusers 0.42.1, printed in full. */

test('scaled_linear has the bits of diffusers', () => {
  const alphaBar = alphaBars(sd15Scheduler);
  expect(alphaBar).toHaveLength(1000);
  expect([0, 1, 500, 999].map((timestep) => alphaBar[timestep])).toEqual([
    0.9991499781608582, 0.9982960224151611, 0.27633246779441833, 0.00466009508818388,
  ]);
});

test('linear has the bits of diffusers', () => {
  const alphaBar = alphaBars({ ...sd15Scheduler, betaStart: 0.0001, betaEnd: 0.02, betaSchedule: 'linear' });
  expect([0, 500, 999].map((timestep) => alphaBar[timestep])).toEqual([
    0.9998999834060669, 0.07779665291309357, 4.035830352222547e-5,
  ]);
});

test('zero terminal SNR leaves nothing at the end and the beginning as it was, as in diffusers', () => {
  const alphaBar = alphaBars({ ...sd15Scheduler, rescaleBetasZeroSnr: true });
  expect([alphaBar[0], alphaBar[999]]).toEqual([0.9991499781608582, 0]);
  // Not bit for bit: torch's square root is not always the nearest float.
  for (const [timestep, expected] of [
    [1, 0.9982334971427917],
    [500, 0.2410186380147934],
    [998, 1.9679633567193378e-7],
  ] as const) {
    expect((alphaBar[timestep] ?? 0) / expected).toBeCloseTo(1, 5);
  }
});
