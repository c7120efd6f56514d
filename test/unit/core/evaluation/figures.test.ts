import { describe, expect, test } from 'vitest';
import { claimsOf, duelsOf } from '../../../../src/core/evaluation/claims.ts';
import { type Evaluated, evaluationTable, figureRows } from '../../../../src/core/evaluation/figures.ts';
import type { PictureScores } from '../../../../src/core/evaluation/picture-scores.ts';

/** Pictures whose scores are known, so that every figure can be worked out by hand. */

interface Known {
  readonly clip?: number | null;
  readonly found?: number | null;
  readonly seconds?: number | null;
}

function picture(
  method: string,
  set: number,
  seed: number,
  { clip = 50, found = 1, seconds = 2 }: Known,
): PictureScores {
  return {
    method,
    set,
    seed,
    clipScore: clip,
    embedding: null,
    concepts: found === null ? null : { found, wanted: 2, strangers: 0, leakage: null, binding: null },
    psnr: null,
    seconds,
    passes: { full: 10, reuse: 5 },
    fullPasses: 11,
    peakBytes: 1000 + set,
  };
}

const SETS = [
  { id: 'a+b', loras: ['a', 'b'] },
  { id: 'a+c', loras: ['a', 'c'] },
  { id: 'a+b+c', loras: ['a', 'b', 'c'] },
  { id: 'a+b+d', loras: ['a', 'b', 'd'] },
];

/** Two pictures of each set by each method: `scores(method, set, seed)`. */
function evaluated(
  methods: readonly string[],
  scores: (method: string, set: number, seed: number) => Known,
  truth: readonly (readonly number[])[] = [],
  sets = SETS,
): Evaluated {
  return {
    sets,
    methods,
    pictures: methods.flatMap((method) =>
      sets.flatMap((_, set) => [0, 1].map((seed) => picture(method, set, seed, scores(method, set, seed)))),
    ),
    truth: truth.map((all) => all.map((clipScore) => ({ clipScore, embedding: null }))),
    baseline: 'none',
    headline: methods,
    rivals: ['rival'],
    seed: 1,
  };
}

const rowOf = (of: Evaluated, method: string, N: number | 'all') => {
  const row = figureRows(evaluationTable(of)).find((each) => each.method === method && each.N === N);
  if (row === undefined) throw new Error(`there is no row ${method} ${N}`);
  return row;
};

describe('a row', () => {
  const clip: Readonly<Record<string, number>> = { none: 20, ours: 50 };
  const known = evaluated(['none', 'ours'], (method) => ({ clip: clip[method] ?? 0 }), [[80], [60], [110], [110]]);

  test('has the gap as a ratio of means between no LoRA and true renderings', () => {
    // Sets of two: truth is 70 on the mean, so (50 - 20) / (70 - 20). Of three: 30 / 90.
    expect(rowOf(known, 'ours', 2).gap?.mean).toBeCloseTo(60, 10);
    expect(rowOf(known, 'ours', 3).gap?.mean).toBeCloseTo(100 / 3, 10);
    expect(rowOf(known, 'none', 2).gap?.mean).toBe(0);
  });

  test('of all numbers of LoRAs is the mean of theirs, each counting alike', () => {
    expect(rowOf(known, 'ours', 'all').gap?.mean).toBeCloseTo((60 + 100 / 3) / 2, 10);
  });

  test('says what passes, time and memory a picture took', () => {
    const { pictures, passes, fullPasses, seconds, peakBytes } = rowOf(known, 'ours', 2);
    expect({ pictures, passes, fullPasses, seconds, peakBytes }).toEqual({
      pictures: 4,
      passes: { full: 10, reuse: 5 },
      fullPasses: 11,
      seconds: 2,
      peakBytes: 1001,
    });
  });

  test('has recall and all found of the concepts', () => {
    const found = evaluated(['none', 'ours'], (_, set, seed) => ({ found: set === 0 ? 2 : seed }));
    // Set 0: 2 of 2 twice; set 1: 0 of 2 and 1 of 2.
    expect(rowOf(found, 'ours', 2).recall?.mean).toBeCloseTo((1 + 0.25) / 2, 10);
    expect(rowOf(found, 'ours', 2).allFound?.mean).toBeCloseTo(0.5, 10);
  });

  test('leaves open what nobody has judged', () => {
    const unjudged = evaluated(['none', 'ours'], () => ({ clip: null, found: null, seconds: null }));
    const { clipScore, gap, recall, winRate, kid, seconds } = rowOf(unjudged, 'ours', 2);
    expect({ clipScore, gap, recall, winRate, kid, seconds }).toEqual({
      clipScore: null,
      gap: null,
      recall: null,
      winRate: null,
      kid: null,
      seconds: null,
    });
  });
});

describe('wins', () => {
  // The tie is the median difference of two true renderings: 1.
  const truth = [
    [60, 61],
    [60, 59],
    [60, 61],
    [60, 61],
  ];
  const clip: Readonly<Record<string, readonly number[]>> = {
    ours: [50, 50, 50, 50],
    rival: [48, 49.5, 52, 52],
    none: [40, 40, 40, 40],
  };
  const known = evaluated(['none', 'rival', 'ours'], (method, set) => ({ clip: clip[method]?.[set] ?? 0 }), truth);

  test('are counted on pictures of one set and noise, with ties', () => {
    // Sets of two: one won, one tied. Of three: lost.
    expect(rowOf(known, 'ours', 2).winMarginVsRivals?.mean).toBe(50);
    expect(rowOf(known, 'ours', 3).winMarginVsRivals?.mean).toBe(-100);
    expect(rowOf(known, 'rival', 2).winMarginVsRivals).toBeNull();
  });

  test('make a rate among all others, a tie being half', () => {
    // Against none: 100 %. Against the rival: 75 %.
    expect(rowOf(known, 'ours', 2).winRate?.mean).toBeCloseTo(87.5, 10);
    const rates = ['none', 'rival', 'ours'].map((method) => rowOf(known, method, 'all').winRate?.mean ?? 0);
    expect(rates.reduce((sum, rate) => sum + rate, 0) / 3).toBeCloseTo(50, 10);
  });

  test('against each other method are told apart', () => {
    const duels = duelsOf(evaluationTable(known), 'ours');
    expect(duels.map(({ against, margin }) => [against, margin.mean])).toEqual([
      ['none', 100],
      ['rival', -25],
    ]);
  });
});

describe('a claim', () => {
  const methods = { subject: 'ours', rivals: ['rival'], tuned: 'tuned', fast: 'fast' };
  const names = ['none', 'rival', 'tuned', 'fast', 'ours'];
  const truth = [[80], [80], [80], [80]];
  const clip: Readonly<Record<string, number>> = { none: 20, rival: 40, tuned: 45, fast: 49, ours: 50 };

  test('holds where the figure and its interval are on the right side', () => {
    const more = [...SETS, { id: 'b+c', loras: ['b', 'c'] }];
    const scores = (method: string) => ({ clip: clip[method] ?? 0 });
    const claims = claimsOf(evaluationTable(evaluated(names, scores, [...truth, [80]], more)), methods);
    // Gaps are 50 and 100 / 3; margins are all won; 50 is 25 % above 40; recalls are equal; fast is 5/3 points below.
    expect(claims.map(({ measured, holds }) => [Number(measured.mean.toFixed(3)), holds])).toEqual([
      [16.667, true],
      [100, true],
      [25, true],
      [0, true],
      [-1.667, false],
      [0, true],
    ]);
    expect(claims[0]?.leaveOneOut).toMatchObject({ sameSign: 4 });
  });

  test('is not asked to hold without a LoRA that all sets have', () => {
    const sets = [
      { id: 'a+b', loras: ['a', 'b'] },
      { id: 'a+c', loras: ['a', 'c'] },
    ];
    const scores = (method: string) => ({ clip: clip[method] ?? 0 });
    const [gap] = claimsOf(evaluationTable(evaluated(names, scores, [[80], [80]], sets)), methods);
    expect(gap?.leaveOneOut?.without.map(({ lora }) => lora)).toEqual(['b', 'c']);
    expect(gap?.holds).toBe(true);
  });

  test('that hangs on one LoRA does not hold', () => {
    // Far better where b is, a little worse elsewhere.
    const withB = (set: number) => set !== 1;
    const table = evaluationTable(
      evaluated(
        names,
        (method, set) => ({ clip: method === 'ours' ? (withB(set) ? 70 : 39) : (clip[method] ?? 0) }),
        truth,
      ),
    );
    const [gap] = claimsOf(table, methods);
    expect(gap?.measured.mean).toBeGreaterThan(5);
    const signs = gap?.leaveOneOut?.without.map(({ lora, value }) => [lora, Math.sign(value)]);
    // Every set has a, so it cannot be left out.
    expect(signs).toEqual([
      ['b', -1],
      ['c', 1],
      ['d', 1],
    ]);
    expect(gap?.holds).toBe(false);
  });

  test('of a method that was not evaluated is not made', () => {
    const table = evaluationTable(
      evaluated(['none', 'rival', 'ours'], (method) => ({ clip: clip[method] ?? 0 }), truth),
    );
    expect(claimsOf(table, { ...methods, tuned: null, fast: null }).map(({ name }) => name)).toEqual([
      'CLIPScore gap over the mean of rival',
      'win margin over rival',
      'CLIPScore over the mean of rival',
    ]);
  });
});
