import { expect, test } from 'vitest';
import { frequencySets } from '../../../../src/core/sequencer/frequency-sets.ts';
import { type NamedProfile, profilePlot } from '../../../../src/files/plot/profile-plot.ts';
import { loraProfile, spaceProfile } from '../../../support/lora-profile.ts';

function plot(...scores: readonly (readonly [id: string, score: number])[]): string {
  const profiles = scores.map(
    ([id, score]): NamedProfile => ({ id, profile: loraProfile({ pixel: spaceProfile(score) }) }),
  );
  const sets = frequencySets(profiles.map(({ id, profile }) => ({ id, ...profile.pixel })));
  return profilePlot({ model: 'tiny', profiles, sets });
}

const count = (svg: string, part: string) => svg.split(part).length - 1;

test('each LoRA has a row, a class and two spectra, in leading order', () => {
  const svg = plot(['sky', 0.1], ['cat', 0.9]);

  expect(svg.indexOf('>cat, latents<')).toBeLessThan(svg.indexOf('>sky, latents<'));
  for (const part of ['>cat<', '>sky<', '>cat, pixels<', '>sky, pixels<', '>high<', '>low<'])
    expect(svg).toContain(part);
  expect(svg).toContain('>high band: 90 %<');
});

test('every noise level has its line in each spectrum, and a word in the legend', () => {
  const svg = plot(['cat', 0.9]);

  for (const timestep of [850, 600, 350, 100]) expect(count(svg, `>t = ${timestep}<`)).toBe(1);
  expect(count(svg, 'stroke="#440154"')).toBe(3);
});

test('the split is drawn where there is one', () => {
  expect(count(plot(['sky', 0.1], ['cat', 0.9]), 'stroke-dasharray')).toBe(1);
  expect(count(plot(['cat', 0.9]), 'stroke-dasharray')).toBe(0);
});

test('many LoRAs make it longer, and colours that come again are dashed', () => {
  const many = Array.from({ length: 9 }, (_, index) => [`lora-${index}`, index / 10] as const);
  const heightOf = (svg: string) => Number(/ height="(\d+)"/.exec(svg)?.[1]);

  expect(heightOf(plot(...many))).toBeGreaterThan(heightOf(plot(['cat', 0.9])) + 8 * 200);
  expect(count(plot(...many), 'stroke-dasharray')).toBeGreaterThan(1);
});

test('holds no number that is none, and the same profiles are the same text', () => {
  const svg = plot(['sky', 0], ['cat', 1]);
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  expect(plot(['sky', 0], ['cat', 1])).toBe(svg);
});
