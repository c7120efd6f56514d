import { describe, expect, test } from 'vitest';
import {
  type FrequencyAsked,
  frequencyWarnings,
  NOTHING_KNOWN,
  resolveFrequencies,
} from '../../../src/pipeline/resolve-frequency.ts';
import { loraProfile, spaceProfile } from '../../support/lora-profile.ts';

const unknown = (id: string, rest: Partial<FrequencyAsked> = {}): FrequencyAsked => ({
  id,
  stated: undefined,
  known: NOTHING_KNOWN,
  ...rest,
});

/** Pixels score `score`, latents the opposite, which is not to be looked at. */
const profiled = (id: string, score: number, rest: Partial<FrequencyAsked> = {}, halves = [score, score] as const) =>
  unknown(id, {
    known: {
      status: 'ready',
      profile: loraProfile({ pixel: { ...spaceProfile(score), halves }, latent: spaceProfile(1 - score) }),
    },
    ...rest,
  });

const saidOf = (loras: readonly FrequencyAsked[]) =>
  resolveFrequencies(loras).uses.map(({ frequency_class, source }) => `${frequency_class} ${source}`);

describe('a class', () => {
  test('comes from the profiles where the request does not say, split at the largest gap of their scores', () => {
    const found = resolveFrequencies([profiled('sea', 0.2), profiled('hat', 0.7), profiled('cat', 0.9)]);

    expect(found.uses).toEqual([
      { frequency_class: 'low', source: 'profile', score: 0.2, profile: 'ready' },
      { frequency_class: 'high', source: 'profile', score: 0.7, profile: 'ready' },
      { frequency_class: 'high', source: 'profile', score: 0.9, profile: 'ready' },
    ]);
    expect(found.split).toBeCloseTo(0.45, 12);
    expect(found.halvesTau).toBe(1);
  });

  test('that the request states wins over its profile, and one with a category, too', () => {
    const loras = [profiled('sea', 0.2, { stated: 'high' }), profiled('hat', 0.7)];
    expect(saidOf(loras)).toEqual(['high request', 'high profile']);
    const known = { ...profiled('cat', 0.9).known, category: 'background' as const };
    expect(saidOf([profiled('hat', 0.7), unknown('cat', { known })])).toEqual(['low profile', 'low category']);
  });

  test('is assumed to be high without a profile, and the others are split among themselves', () => {
    expect(saidOf([unknown('new'), profiled('sea', 0.2), profiled('hat', 0.7)])).toEqual([
      'high assumed',
      'low profile',
      'high profile',
    ]);
  });

  test('of one profile alone is assumed: there is nothing to split it from', () => {
    expect(saidOf([profiled('sea', 0.2), unknown('new')])).toEqual(['high assumed', 'high assumed']);
  });

  test('is unclear where the halves of the seeds rank the LoRAs otherwise, and counts as high', () => {
    const loras = [profiled('sea', 0.2, {}, [0.1, 0.3]), profiled('hat', 0.25, {}, [0.3, 0.2])];
    const found = resolveFrequencies(loras);

    expect(saidOf(loras)).toEqual(['high unclear', 'high unclear']);
    expect([found.split, found.halvesTau, found.byScore]).toEqual([null, -1, null]);
  });
});

describe('an order', () => {
  test('is by falling score, those without a profile at the end and in their own order', () => {
    const loras = [unknown('b'), profiled('sea', 0.2), unknown('a'), profiled('hat', 0.7)];
    expect(resolveFrequencies(loras).byScore).toEqual(['hat', 'sea', 'b', 'a']);
  });

  test("is the request's own where it states every class", () => {
    const loras = [profiled('sea', 0.2, { stated: 'high' }), profiled('hat', 0.7, { stated: 'low' })];
    expect(resolveFrequencies(loras).byScore).toBeNull();
  });
});

test('a person is told of every class that nobody said, and how far its profile is', () => {
  const pending = { ...NOTHING_KNOWN, status: 'pending' } as const;
  const failed = { ...NOTHING_KNOWN, status: 'failed' } as const;
  const loras = [
    unknown('a'),
    unknown('b', { known: pending }),
    unknown('c', { known: failed }),
    profiled('d', 0.5),
    unknown('e', { stated: 'low' }),
  ];
  expect(frequencyWarnings(loras, resolveFrequencies(loras).uses)).toEqual([
    'LoRA "a" has no frequency class; it was assumed to be high',
    'LoRA "b" has no frequency class, its profile is still to be measured; it was assumed to be high',
    'LoRA "c" has no frequency class, and its profile could not be measured; it was assumed to be high',
    'LoRA "d" has no frequency class, and its profile has no other to be split from; it was assumed to be high',
  ]);
});
