import { expect, test } from 'vitest';
import { spacedTimesteps } from '../../../../src/core/schedule/timesteps.ts';

/** Expected lists are those of diffusers 0.42.1. */

const of1000 = { trainTimestepCount: 1000, stepsOffset: 0 };

test.each([
  [1, [1]],
  [4, [751, 501, 251, 1]],
  [7, [853, 711, 569, 427, 285, 143, 1]],
])('leading, offset 1, %i steps', (steps, expected) => {
  expect(spacedTimesteps({ ...of1000, stepsOffset: 1, spacing: 'leading', steps })).toEqual(expected);
});

test.each([
  [1, [999]],
  [3, [999, 666, 332]],
  [16, [999, 937, 874, 811, 749, 687, 624, 561, 499, 437, 374, 311, 249, 187, 124, 61]],
])('trailing, %i steps, halves to even', (steps, expected) => {
  expect(spacedTimesteps({ ...of1000, spacing: 'trailing', steps })).toEqual(expected);
});

test.each([
  [1, [0]],
  [5, [999, 749.25, 499.5, 249.75, 0]],
  [7, [999, 832.5, 666, 499.5, 333, 166.5, 0]],
])('linspace, %i steps, not rounded', (steps, expected) => {
  expect(spacedTimesteps({ ...of1000, spacing: 'linspace', steps })).toEqual(expected);
});

test.each([61, 103, 121, 122])('trailing gives %i timesteps where diffusers gives one more, below 0', (steps) => {
  const timesteps = spacedTimesteps({ ...of1000, spacing: 'trailing', steps });
  expect(timesteps).toHaveLength(steps);
  expect(timesteps.at(-1)).toBeGreaterThanOrEqual(0);
});

test('more steps than timesteps are refused', () => {
  expect(() => spacedTimesteps({ ...of1000, spacing: 'leading', steps: 1001 })).toThrow(
    'steps is 1001; must be 1 to 1000',
  );
});
