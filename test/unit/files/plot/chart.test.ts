import { describe, expect, test } from 'vitest';
import { chart, niceTicks } from '../../../../src/files/plot/chart.ts';

const frame = { x: 100, y: 50, width: 200, height: 100 };
const axis = { from: 0, to: 10, ticks: [] };

describe('a chart', () => {
  test('puts the origin at the lower left of its frame and the ends at the upper right', () => {
    const line = { points: [[0, 0] as const, [10, 10] as const], colour: 'red' };
    expect(chart({ title: 't', frame, x: axis, y: axis, lines: [line] })).toContain('points="100,150 300,50"');
  });

  test('keeps lines inside of the frame', () => {
    const line = { points: [[5, 1000] as const, [5, -1000] as const], colour: 'red' };
    expect(chart({ title: 't', frame, x: axis, y: axis, lines: [line] })).toContain('points="200,50 200,150"');
  });
});

describe('ticks', () => {
  test.each([
    [0, 1, ['0.0', '0.5', '1.0']],
    [0, 8.6, ['0', '5', '10']],
    [-0.16, 0, ['-0.20', '-0.15', '-0.10', '-0.05', '0.00']],
    [-3, 40, ['-20', '0', '20', '40']],
    [0, 0.0021, ['0.000', '0.001', '0.002', '0.003']],
  ])('from %f to %f are round numbers that hold both ends', (from, to, labels) => {
    expect(niceTicks(from, to).map(({ label }) => label)).toEqual(labels);
  });
});
