import { describe, expect, test } from 'vitest';
import { levelsAt, respacedLevels } from '../../../../src/core/schedule/noise-levels.ts';
import { sigmaAt, trainedSigmas } from '../../../../src/core/schedule/sigmas.ts';
import { sd15Scheduler } from '../../../support/sd15-scheduler.ts';

const trained = trainedSigmas(sd15Scheduler);
const [highest, lowest] = [sigmaAt(999, trained), sigmaAt(0, trained)];

test('levels are the sigmas of their timesteps', () => {
  const levels = levelsAt([999, 499.5, 0], sd15Scheduler);
  expect(levels.map(({ timestep }) => timestep)).toEqual([999, 499.5, 0]);
  expect(levels.map(({ sigma }) => sigma)).toEqual([999, 499.5, 0].map((timestep) => sigmaAt(timestep, trained)));
});

describe.each(['karras', 'exponential'] as const)('spaced by %s', (spacing) => {
  const levels = respacedLevels({ from: 999, to: 0, steps: 5 }, spacing, sd15Scheduler);

  test('levels go from end to end', () => {
    expect(levels[0]?.sigma).toBeCloseTo(highest, 5);
    expect(levels[4]?.sigma).toBeCloseTo(lowest, 8);
  });

  test('each has the timestep that has its sigma', () => {
    for (const { timestep, sigma } of levels) expect(sigmaAt(timestep, trained) / sigma).toBeCloseTo(1, 3);
  });

  test('one alone is the noisiest', () => {
    const [only, ...rest] = respacedLevels({ from: 999, to: 0, steps: 1 }, spacing, sd15Scheduler);
    expect(only?.sigma).toBeCloseTo(highest, 5);
    expect(rest).toEqual([]);
  });
});

test("the middle of Karras's spacing is the mean of the seventh roots, that of the other the geometric mean", () => {
  const ends = { from: 999, to: 0, steps: 3 };
  const root = (highest ** (1 / 7) + lowest ** (1 / 7)) / 2;
  expect(respacedLevels(ends, 'karras', sd15Scheduler)[1]?.sigma).toBeCloseTo(root ** 7, 6);
  expect(respacedLevels(ends, 'exponential', sd15Scheduler)[1]?.sigma).toBeCloseTo(Math.sqrt(highest * lowest), 6);
});
