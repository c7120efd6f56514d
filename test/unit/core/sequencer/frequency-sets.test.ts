import { describe, expect, test } from 'vitest';
import { frequencySets, type ScoredAdapter } from '../../../../src/core/sequencer/frequency-sets.ts';

const scored = (id: string, score: number, rest: Partial<ScoredAdapter> = {}): ScoredAdapter => ({
  id,
  score,
  halves: [score, score],
  ...rest,
});

const classesOf = (adapters: readonly ScoredAdapter[]) =>
  Object.fromEntries(frequencySets(adapters).classes.map(({ id, frequencyClass }) => [id, frequencyClass]));

const four = [scored('sea', 0.2), scored('hat', 0.7), scored('cat', 0.9), scored('sky', 0.1)];

describe('measured scores', () => {
  test('are split at their largest gap, and each set leads by falling score, the high one first', () => {
    const sets = frequencySets(four);

    expect(classesOf(four)).toEqual({ sea: 'low', hat: 'high', cat: 'high', sky: 'low' });
    expect([sets.high, sets.low]).toEqual([
      ['cat', 'hat'],
      ['sea', 'sky'],
    ]);
    expect(sets.order).toEqual(['cat', 'hat', 'sea', 'sky']);
    expect(sets.split).toBeCloseTo(0.45, 12);
    expect(sets.classes.every(({ source }) => source === 'scores')).toBe(true);
  });

  test('are split by the gap and not by a number: all may lie above a half', () => {
    expect(classesOf([scored('a', 0.95), scored('b', 0.6), scored('c', 0.9)])).toEqual({
      a: 'high',
      b: 'low',
      c: 'high',
    });
  });

  test('do not hang on the order of the request', () => {
    const { order, split } = frequencySets(four);
    expect(frequencySets([...four].reverse())).toMatchObject({ order, split });
  });

  test.each([
    ['one LoRA', [scored('a', 0.1)]],
    ['LoRAs that score alike', [scored('a', 0.5), scored('b', 0.5)]],
  ])('of %s have no gap: nothing is split, all counts as high, and it is said so', (_, adapters) => {
    const { classes, split, low } = frequencySets(adapters);

    expect(classes.every(({ frequencyClass, source }) => frequencyClass === 'high' && source === 'unsplit')).toBe(true);
    expect([split, low]).toEqual([null, []]);
  });
});

describe('halves of the seeds that rank the LoRAs otherwise', () => {
  /** Two of six pairs are the other way round: tau is 1/3. */
  const wavering = [
    scored('a', 0.9, { halves: [0.9, 0.5] }),
    scored('b', 0.8, { halves: [0.8, 0.9] }),
    scored('c', 0.3, { halves: [0.3, 0.6] }),
    scored('d', 0.2, { halves: [0.2, 0.2] }),
  ];

  test('make every measured class unclear, which counts as high', () => {
    const sets = frequencySets(wavering);

    expect(sets.halvesTau).toBeCloseTo(1 / 3, 12);
    expect(sets.split).toBeNull();
    expect(new Set(sets.classes.map(({ frequencyClass }) => frequencyClass))).toEqual(new Set(['unclear']));
    expect([sets.high, sets.low]).toEqual([['a', 'b', 'c', 'd'], []]);
  });

  test('do not touch what a person said', () => {
    const [a, ...rest] = wavering;
    const said = [{ ...a, frequencyClass: 'low' } as ScoredAdapter, ...rest];
    expect(classesOf(said)).toEqual({ a: 'low', b: 'unclear', c: 'unclear', d: 'unclear' });
  });

  test('are clear from a tau of 0.6 on: one pair of five LoRAs exchanged twice is 0.6', () => {
    const firsts = [0.9, 0.8, 0.7, 0.2, 0.1];
    const seconds = [0.8, 0.9, 0.7, 0.1, 0.2];
    const adapters = firsts.map((first, index) => scored(`${index}`, first, { halves: [first, seconds[index] ?? 0] }));

    const { halvesTau, classes } = frequencySets(adapters);
    expect(halvesTau).toBeCloseTo(0.6, 12);
    expect(classes.map(({ frequencyClass }) => frequencyClass)).toEqual(['high', 'high', 'high', 'low', 'low']);
  });
});

describe('what a person says wins', () => {
  test('a class over the score, and a class over a category', () => {
    const [sea, hat, cat, sky] = four;
    const sets = frequencySets([
      { ...sea, frequencyClass: 'high', category: 'background' },
      { ...hat, category: 'background' },
      { ...cat, frequencyClass: 'low' },
      { ...sky, category: 'character' },
    ] as ScoredAdapter[]);

    expect(sets.classes.map(({ frequencyClass, source }) => [frequencyClass, source])).toEqual([
      ['high', 'request'],
      ['low', 'category'],
      ['low', 'request'],
      ['high', 'category'],
    ]);
    expect([sets.high, sets.low]).toEqual([
      ['sea', 'sky'],
      ['cat', 'hat'],
    ]);
  });

  test('the others are still split by all scores', () => {
    const said = [scored('sky', 0.1, { category: 'background' }), scored('a', 0.8), scored('b', 0.9)];
    expect(classesOf(said)).toEqual({ sky: 'low', a: 'high', b: 'high' });
  });

  test('an explicit order stands, in the sets too', () => {
    const { order, high, low, classes } = frequencySets(four, { order: ['sky', 'hat', 'sea', 'cat'] });

    expect(order).toEqual(['sky', 'hat', 'sea', 'cat']);
    expect([high, low]).toEqual([
      ['hat', 'cat'],
      ['sky', 'sea'],
    ]);
    expect(classes.map(({ frequencyClass }) => frequencyClass)).toEqual(['low', 'high', 'high', 'low']);
  });

  test('an order that does not name every LoRA once is no order', () => {
    expect(() => frequencySets(four, { order: ['sky', 'sky', 'sea', 'cat'] })).toThrow('names every adapter once');
  });
});
