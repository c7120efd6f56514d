import { expect, test } from 'vitest';
import {
  type DominanceRules,
  dominanceRules,
  nextTurn,
  type Turn,
  votes,
} from '../../../../src/core/sequencer/dominance.ts';

const TWO_THREE_TWO = { near: 2, middle: 3, bounds: [0.375, 0.875] } as const;
const CONSTANT = { initial: 'n_minus_half', decay: 'none', floor: 1 } as const;

/** Trajectory fractions 0, 1/count, 2/count, ... */
function fractions(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index / count);
}

function rulesOf(
  phases: readonly (readonly number[])[],
  count: number,
  options: Partial<Parameters<typeof dominanceRules>[0]> = {},
): DominanceRules {
  const adapterCount = new Set(phases.flat()).size;
  const composition = { phase_at: 0.6, turn: TWO_THREE_TWO, weights: CONSTANT, ...options };
  return dominanceRules(composition, phases, { us: fractions(count), adapterCount });
}

/** The phase changes at `phaseAt`. */
function turnsOf(rules: DominanceRules, count: number, phaseAt = 0.6): readonly Turn[] {
  const turns: Turn[] = [];
  for (const u of fractions(count)) {
    const phase = rules.phases.length === 1 || u < phaseAt ? 0 : 1;
    turns.push(nextTurn(rules, { u, phase }, turns.at(-1) ?? null));
  }
  return turns;
}

test('leaders take turns, longer in the middle of the trajectory', () => {
  const turns = turnsOf(rulesOf([[0, 1]], 24), 24);
  expect(turns.map(({ leader }) => leader).join('')).toBe('001100110011100011100011');
  expect(turns.filter(({ isFirstEvaluation }) => isFirstEvaluation)).toHaveLength(10);
});

test('the middle of the trajectory begins at its first bound and ends before its second', () => {
  const turns = turnsOf(rulesOf([[0]], 8, { turn: { ...TWO_THREE_TWO, near: 1, middle: 2 } }), 8);
  // Evaluations 3 and 7 lie on the bounds.
  expect(turns.map(({ isFirstEvaluation }) => isFirstEvaluation)).toEqual([
    true,
    true,
    true,
    true,
    false,
    true,
    false,
    true,
  ]);
  expect(turns[7]?.evaluationsLeft).toBe(0);
});

test('the second phase has its own leaders and counts its turns from the start', () => {
  const turns = turnsOf(rulesOf([[0, 1, 2], [3]], 20), 20);
  expect(turns.map(({ leader }) => leader).join('')).toBe('00112200112233333333');
  expect(turns[12]).toMatchObject({ phase: 1, indexInPhase: 0, index: 6, isFirstEvaluation: true });
});

test('a turn that the phase change cuts short counts as completed', () => {
  const turns = turnsOf(
    rulesOf([[0], [1]], 10, { turn: { near: 4, middle: 4, bounds: [0, 1] }, phase_at: 0.5 }),
    10,
    0.5,
  );
  // Five evaluations a phase: turns are shortened to two, so that the one leader leads twice; the third turn is cut.
  expect(turns.map(({ index }) => index)).toEqual([0, 0, 1, 1, 2, 3, 3, 4, 4, 5]);
});

test('turns are shortened so that every leader leads twice, and are never below one evaluation', () => {
  expect(
    turnsOf(rulesOf([[0, 1, 2, 3]], 16), 16)
      .map(({ leader }) => leader)
      .join(''),
  ).toBe('0011223300112233');
  expect(
    turnsOf(rulesOf([[0, 1, 2, 3]], 9), 9)
      .map(({ leader }) => leader)
      .join(''),
  ).toBe('012301230');
});

test('the coefficient is N - 1/2 unless the request gives it', () => {
  expect(turnsOf(rulesOf([[0, 1, 2]], 8), 8).map(({ coefficient }) => coefficient)).toEqual(Array(8).fill(2.5));
  const given = rulesOf([[0, 1, 2]], 8, { weights: { initial: 9, decay: 'none', floor: 99 } });
  expect(turnsOf(given, 8)[0]?.coefficient).toBe(9);
});

test('geometric decay halves its way with every turn, down to the floor', () => {
  const weights = { initial: 'n_minus_half', decay: 'geometric', floor: 1.6 } as const;
  const turns = turnsOf(rulesOf([[0, 1, 2]], 12, { weights }), 12);
  const starts = turns.filter(({ isFirstEvaluation }) => isFirstEvaluation);
  // N - 1.5 + 2^-k
  expect(starts.map(({ coefficient }) => coefficient)).toEqual([2.5, 2, 1.75, 1.625, 1.6, 1.6]);
});

// cmlora.md, the table of B.1.
test.each([
  [2, 0.6, 0.4],
  [3, 0.5556, 0.2222],
  [4, 0.5385, 0.1538],
  [5, 0.5294, 0.1176],
])('of %d adapters the leader has the weight %d and the others %d', (count, leader, other) => {
  const weights = votes(count - 0.5, count);
  expect(weights.leader).toBeCloseTo(leader, 4);
  expect(weights.other).toBeCloseTo(other, 4);
});

test('a single adapter has the whole vote, whatever the coefficient', () => {
  expect(votes(0, 1)).toEqual({ leader: 1, other: 0 });
});
