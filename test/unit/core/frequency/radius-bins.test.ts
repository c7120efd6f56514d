import { expect, test } from 'vitest';
import { radiusBins } from '../../../../src/core/frequency/radius-bins.ts';

test.each([
  [64, 64, 45],
  [128, 96, 80],
  [512, 512, 362],
  [16, 16, 11],
])('a plane of %i x %i has the largest radius of the specification, %i', (height, width, largest) => {
  expect(radiusBins({ height, width }).largest).toBe(largest);
});

test('frequency 0 is alone in bin 0, and lies first', () => {
  const { radii } = radiusBins({ height: 7, width: 12 });
  expect(radii.indexOf(0)).toBe(0);
  expect(radii.lastIndexOf(0)).toBe(0);
});

test('distances are counted from the centre of numpy, on odd and even sides', () => {
  // Shifted, a side of 5 counts -2 -1 0 1 2 and one of 4 counts -2 -1 0 1; unshifted, 0 comes first.
  expect([...radiusBins({ height: 1, width: 5 }).radii]).toEqual([0, 1, 2, 2, 1]);
  expect([...radiusBins({ height: 4, width: 1 }).radii]).toEqual([0, 1, 2, 1]);
});
