import { expect, test } from 'vitest';
import type { CmloraComposition } from '../../../../src/core/composition/options.ts';
import {
  nextReferenceTurn,
  type ReferenceTurn,
  referencePhase,
} from '../../../../src/core/sequencer/reference-turns.ts';

/** The authors' code, by the traces of it that cmlora.md has (B.3, B.4), and nothing else. */

const NON_UNIFORM: CmloraComposition['turn'] = { near: 2, middle: 3, bounds: [0.375, 0.875] };
const every = (length: number): CmloraComposition['turn'] => ({ ...NON_UNIFORM, near: length, middle: length });

function turnsOf(high: number, low: number, count: number, turn: CmloraComposition['turn']): readonly ReferenceTurn[] {
  const order = Array.from({ length: high + low }, (_, index) => index);
  const rules = { order, highCount: high, evaluationCount: count, turn };
  const turns: ReferenceTurn[] = [];
  for (let evaluation = 0; evaluation < count; evaluation++) {
    const phase = low === 0 ? 0 : referencePhase(evaluation, 0.6, count);
    turns.push(nextReferenceTurn(rules, { evaluation, phase }, turns.at(-1) ?? null));
  }
  return turns;
}

/** As B.3 counts: full forwards of each LoRA (all at step 0, then whoever is refreshed), its last one, and steps as dominant. */
function traceOf(high: number, low: number, count: number, turn: CmloraComposition['turn']) {
  const turns = turnsOf(high, low, count, turn);
  const loras = Array.from({ length: high + low }, (_, lora) => {
    const full = turns.flatMap(({ leader, isRefreshDue }, step) =>
      step === 0 || (isRefreshDue && leader === lora) ? [step] : [],
    );
    return { full: full.length, last: full.at(-1), dominant: turns.filter(({ leader }) => leader === lora).length };
  });
  return {
    full: loras.map((lora) => lora.full),
    last: loras.map((lora) => lora.last),
    dominant: loras.map((lora) => lora.dominant),
  };
}

// cmlora.md, the table of B.3: T = 200, offline.
test.each([
  { c: 2, sets: [2, 0], full: [50, 51], last: [196, 198], dominant: [100, 100] },
  { c: 2, sets: [1, 1], full: [61, 1], last: [120, 0], dominant: [121, 79] },
  { c: 2, sets: [2, 1], full: [31, 31, 1], last: [120, 118, 0], dominant: [61, 99, 40] },
  { c: 3, sets: [2, 0], full: [34, 34], last: [198, 195], dominant: [101, 99] },
  { c: 3, sets: [1, 1], full: [41, 1], last: [120, 0], dominant: [121, 79] },
  { c: 3, sets: [4, 1], full: [11, 11, 11, 11, 1], last: [120, 111, 114, 117, 0], dominant: [31, 50, 51, 50, 18] },
  { c: 5, sets: [4, 1], full: [7, 7, 7, 7, 1], last: [120, 105, 110, 115, 0], dominant: [31, 49, 50, 50, 20] },
] as const)('turns of $c with $sets adapters are as traced', ({ c, sets, ...expected }) => {
  expect(traceOf(sets[0], sets[1], 200, every(c))).toEqual(expected);
});

test.each([
  [
    [1, 1],
    [121, 79],
  ],
  [
    [2, 1],
    [61, 99, 40],
  ],
  [
    [4, 1],
    [31, 49, 50, 50, 20],
  ],
] as const)('with a turn at every step %j lead as often as traced', ([high, low], dominant) => {
  expect(traceOf(high, low, 200, every(1)).dominant).toEqual(dominant);
});

// cmlora.md, B.4.
test.each([
  [220, 92],
  [200, 85],
  [100, 43],
  [50, 22],
])('of %d steps the non-uniform turns begin at %d', (count, starts) => {
  expect(turnsOf(2, 0, count, NON_UNIFORM).filter(({ isRefreshDue }) => isRefreshDue)).toHaveLength(starts);
});

test('with two low adapters the last one never leads', () => {
  expect(traceOf(2, 2, 200, every(3)).dominant[3]).toBe(0);
});
