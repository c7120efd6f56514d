import { expect, test } from 'vitest';
import type { ResolvedRequest } from '../../../src/contract/resolved-request.ts';
import { recipeOf } from '../../../src/files/recipe.ts';

const request: ResolvedRequest = {
  model: 'demo',
  model_sha256: 'aa',
  prompt: 'a fox',
  negative_prompt: '',
  width: 64,
  height: 64,
  steps: 4,
  guidance_scale: 7.5,
  guidance_rescale: 0,
  sampler: 'ddim',
  seed: 5,
  n: 3,
  loras: [
    {
      id: 'z',
      sha256: 'bb',
      weight: { unet: 1, text_encoder: 0.5 },
      frequency_class: 'low',
      frequency_class_assumed: false,
    },
  ],
  composition: { method: 'merge', scale: 1, text_encoder: 'all' },
  output: { format: 'png' },
};

test('a recipe is the resolved request with the hashes in it, the image, its seed and the version', () => {
  expect(JSON.parse(recipeOf(request, 2))).toEqual({ request, image: 2, seed: 7, version: '0.1.0' });
});

test('a recipe does not depend on the order in which fields were set', () => {
  const { prompt, ...rest } = request;

  expect(recipeOf({ ...rest, prompt }, 0)).toBe(recipeOf(request, 0));
});
