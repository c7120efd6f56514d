import { expect, test } from 'vitest';
import type { CmloraComposition } from '../../../../src/core/composition/options.ts';
import {
  forecastTrend,
  fullAdapters,
  type LastFull,
  rememberFull,
} from '../../../../src/core/sequencer/refresh-schedule.ts';

type Refresh = CmloraComposition['refresh'];

const NEVER: Refresh = { policy: 'on_turn', every: 1, max_age: 99, warm_up: 0, forced_end: 0 };

/** Who runs in full at each evaluation of three adapters; turns of `turnLength`, leaders in order. */
function schedule(refresh: Partial<Refresh>, count: number, turnLength = 2): readonly string[] {
  const rows: string[] = [];
  let lastFull: LastFull = [null, null, null];
  for (let evaluation = 0; evaluation < count; evaluation++) {
    const full = fullAdapters(
      { ...NEVER, ...refresh },
      {
        evaluation,
        evaluationCount: count,
        leader: Math.floor(evaluation / turnLength) % 3,
        isFirstOfTurn: evaluation % turnLength === 0,
        order: [0, 1, 2],
        lastFull,
      },
    );
    lastFull = rememberFull(lastFull, full, evaluation);
    rows.push([...full].join(''));
  }
  return rows;
}

test('whoever has no cache runs in full', () => {
  expect(schedule({ policy: 'on_turn' }, 1)).toEqual(['012']);
});

test('on_turn refreshes the leader at the first evaluation of its turn', () => {
  expect(schedule({ policy: 'on_turn' }, 6)).toEqual(['012', '', '1', '', '2', '']);
});

test('leader refreshes the leader at every evaluation', () => {
  expect(schedule({ policy: 'leader' }, 6)).toEqual(['012', '0', '1', '1', '2', '2']);
});

test('oldest_first refreshes a leader older than two, else the stalest', () => {
  expect(schedule({ policy: 'oldest_first' }, 7)).toEqual(['012', '0', '1', '2', '0', '1', '2']);
  expect(schedule({ policy: 'oldest_first' }, 8, 4)).toEqual(['012', '0', '1', '2', '0', '1', '2', '0']);
});

test('oldest_first counts its every from the end of the warm-up', () => {
  expect(schedule({ policy: 'oldest_first', every: 2, warm_up: 3 }, 7)).toEqual([
    '012',
    '012',
    '012',
    '0',
    '',
    // Adapter 1 is as old, but 2 leads.
    '2',
    '',
  ]);
});

test('no cache grows older than max_age', () => {
  expect(schedule({ policy: 'on_turn', max_age: 2 }, 5)).toEqual(['012', '', '012', '', '012']);
});

test('max_age 1 is no caching', () => {
  expect(schedule({ policy: 'on_turn', max_age: 1 }, 3)).toEqual(['012', '012', '012']);
});

test('everybody runs in full during the warm-up and at the forced end', () => {
  expect(schedule({ policy: 'on_turn', warm_up: 2, forced_end: 1 }, 6, 6)).toEqual(['012', '012', '', '', '', '012']);
});

test('remembering does not change what is remembered', () => {
  const lastFull = Object.freeze([0, 1, null]);
  expect(rememberFull(lastFull, new Set([2]), 5)).toEqual([0, 1, 5]);
});

test('a forecast goes half as far as the line through the last two full passes, and nowhere from one', () => {
  const memory = { lastFull: [6, 4, null], fullBefore: [2, null, null] };
  expect([7, 8, 10, 14].map((evaluation) => forecastTrend(0, evaluation, memory))).toEqual([0.125, 0.25, 0.5, 1]);
  expect([1, 2].map((adapter) => forecastTrend(adapter, 9, memory))).toEqual([0, 0]);
});
