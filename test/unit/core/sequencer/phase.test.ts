import { expect, test } from 'vitest';
import { type OnlinePhase, offlinePhase, onlinePhase } from '../../../../src/core/sequencer/phase.ts';

/** The phases that a latent with these high bands goes through, against a threshold of 0.5. */
function phasesOf(...bands: readonly number[]): string {
  const phases: OnlinePhase[] = [];
  for (const m of bands) phases.push(onlinePhase(m, 0.5, phases.at(-1) ?? null));
  return phases.map(({ phase }) => phase).join('');
}

test('offline the second phase begins at its fraction', () => {
  expect([0, 0.59, 0.6, 1].map((u) => offlinePhase(u, 0.6))).toEqual([0, 0, 1, 1]);
});

test('online the first phase lasts while the latent is fine enough', () => {
  expect(phasesOf(0.9, 0.8, 0.7, 0.6, 0.5, 0.5, 0.49, 0.4, 0.3)).toBe('000000111');
});

test('the first evaluation is in the first phase, whatever is seen', () => {
  expect(phasesOf(0)).toBe('0');
});

test('a phase lasts five evaluations at least', () => {
  expect(phasesOf(0.9, 0.1, 0.1, 0.1, 0.1, 0.1)).toBe('000001');
  expect(phasesOf(0.9, 0.9, 0.9, 0.9, 0.9, 0.1, 0.9, 0.9, 0.9, 0.9, 0.9)).toBe('00000111110');
});

test('what wavers about the threshold does not go to and fro', () => {
  const wavering = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? 0.49 : 0.51));
  expect(phasesOf(0.9, 0.9, 0.9, 0.9, 0.9, ...wavering)).toBe(`00000${'1'.repeat(20)}`);
});
