import { expect, test } from 'vitest';
import { InputError } from '../../../src/core/problem.ts';
import { profileSettings } from '../../../src/pipeline/profile-settings.ts';
import { descriptor as model } from '../../support/model-descriptor.ts';

function problemsOf(requested: Parameters<typeof profileSettings>[0]): readonly string[] {
  try {
    profileSettings(requested, model);
  } catch (error) {
    if (error instanceof InputError) return error.problems.map(({ message }) => message);
    throw error;
  }
  return [];
}

test('size and guidance come from the checkpoint where nothing else is asked', () => {
  const settings = profileSettings({}, model);

  expect(settings).toMatchObject({
    width: model.defaults.width,
    height: model.defaults.height,
    guidance_scale: model.defaults.guidance_scale,
    seeds: [0, 1, 2, 3],
    steps: 20,
    interval: 2,
  });
  expect(settings.prompts.length).toBeGreaterThanOrEqual(4);
  expect(settings.level_count).toBeGreaterThanOrEqual(4);
});

test('what is asked for is taken', () => {
  const prompts = ['a', 'b', 'c', 'd', 'e'];
  const settings = profileSettings({ prompts, seedCount: 6, steps: 50, width: 128, height: 96 }, model);

  expect(settings).toMatchObject({
    prompts,
    seeds: [0, 1, 2, 3, 4, 5],
    steps: 50,
    width: 128,
    height: 96,
    interval: 5,
  });
});

test('everything that cannot be measured with is refused at once', () => {
  expect(problemsOf({ prompts: ['a', ' ', 'c'], seedCount: 3, steps: 4, width: 100, height: 2048 })).toEqual([
    'there are 3 prompts to measure with; must be 4 to 64',
    'prompts[1] is empty; must be a text',
    'there are 3 seeds to measure with; must be 4 to 64',
    'steps is 4; must be an integer from 5 to 150',
    'width is 100; must be a multiple of 16 with this checkpoint',
    'height is 2048; must be an integer from 64 to 1024',
  ]);
});

test.each([Number.NaN, 4.5, -1])('%s seeds are refused', (seedCount) => {
  expect(problemsOf({ seedCount })).toHaveLength(1);
});

test('a picture whose latent has no low frequencies is refused, since all would count as fine there', () => {
  expect(problemsOf({ width: 64, height: 64 })).toEqual([
    'size is 64x64, a latent of 8x8, which has no low frequencies to tell from high ones; must be larger, e.g. 128x128',
  ]);
  expect(problemsOf({ width: 96, height: 96 })).toEqual([]);
});
