import { describe, expect, test } from 'vitest';
import {
  describeProfilesAsJson,
  describeProfilesForReader,
  type MeasuredLora,
  type ProfileReport,
} from '../../../src/cli/profile-report.ts';
import { frequencySets, type ScoredAdapter } from '../../../src/core/sequencer/frequency-sets.ts';
import { loraProfile, spaceProfile } from '../../support/lora-profile.ts';

function report(
  scores: Readonly<Record<string, number>>,
  said: Readonly<Record<string, Partial<ScoredAdapter>>> = {},
): ProfileReport {
  const measured = Object.entries(scores).map(
    ([id, score], index): MeasuredLora => ({
      id,
      profile: loraProfile({ pixel: spaceProfile(score), latent: spaceProfile(1 - score) }),
      isReused: index === 0,
    }),
  );
  return {
    model: { id: 'tiny', sha256: 'a'.repeat(64) },
    settings: loraProfile().settings,
    measured,
    sets: frequencySets(measured.map(({ id, profile }) => ({ id, ...profile.pixel, ...said[id] }))),
    out: 'x.svg',
    seconds: 12.34,
  };
}

describe('for a person', () => {
  test('there is a row for each LoRA in leading order, the sets, the split, the agreement and what was reused', () => {
    expect(describeProfilesForReader(report({ sky: 0.1, cat: 0.9, hat: 0.7 }))).toEqual([
      'tiny: 4 prompts, 4 seeds, 4 noise levels of 20 steps',
      'LoRA  class  score  latent  strength  latent  score by noise level  paper',
      'cat   high   0.900  0.100   0.100     0.100   0.90 0.90 0.90 0.90   0.500',
      'hat   high   0.700  0.300   0.100     0.100   0.70 0.70 0.70 0.70   0.500',
      'sky   low    0.100  0.900   0.100     0.100   0.10 0.10 0.10 0.10   0.500',
      'high, in order: cat, hat',
      'low, in order: sky',
      'split at 0.400, the middle of the largest gap',
      "Kendall's tau: halves of the seeds 1.00 (latents 1.00), pixels and latents -1.00; the paper's picture 0.00, change 0.00 raw and 0.00 log",
      '2 measured, 1 taken from the cache, 12.3 s',
      'plot: x.svg',
    ]);
  });

  test('what is unclear is said to be so', () => {
    const halves = [0.9, 0.1] as const;
    const lines = describeProfilesForReader(
      report({ sky: 0.1, cat: 0.9 }, { cat: { halves: [0.5, 0.5] }, sky: { halves } }),
    );

    expect(lines).toContain(
      'unclear: the halves of the seeds rank the LoRAs otherwise; an unclear LoRA counts as high',
    );
    expect(lines).toContain('low, in order: none');
  });

  test('one LoRA alone is not split and has no rank', () => {
    const lines = describeProfilesForReader(report({ cat: 0.9 }));

    expect(lines).toContain('nothing is split: there is no gap between the scores');
    expect(lines.join('\n')).not.toContain('Kendall');
  });
});

test('for a program there is one line: scores, sets, order, agreement, and no spectra', () => {
  const line = describeProfilesAsJson(report({ sky: 0.1, cat: 0.9 }, { sky: { category: 'background' } }));
  const json = JSON.parse(line);

  expect(line).not.toContain('\n');
  expect(line).not.toContain('spectrum');
  expect(json).toMatchObject({
    order: ['cat', 'sky'],
    sets: { high: ['cat'], low: ['sky'] },
    split: 0.5,
    plot: 'x.svg',
  });
  expect(json.tau).toMatchObject({ halves_pixel: 1, spaces: -1 });
  expect(json.loras[0]).toMatchObject({
    id: 'sky',
    reused: true,
    frequency_class: 'low',
    frequency_class_source: 'category',
    pixel: { score: 0.1, halves: [0.1, 0.1] },
  });
});
