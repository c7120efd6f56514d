import { expect, test } from 'vitest';
import { resolveOutput } from '../../../src/contract/output.ts';
import type { ResolvedRequest } from '../../../src/contract/resolved-request.ts';
import { encodeImage } from '../../../src/files/encode-image.ts';
import { readRecipe, recipeOf, recipeProblems } from '../../../src/files/recipe.ts';

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

test.each(['png', 'webp', 'jpeg'] as const)('a recipe is read back from a %s', async (format) => {
  const made = { ...request, output: resolveOutput({ format }) };
  const picture = { width: 8, height: 8, pixels: new Uint8Array(192), output: made.output, recipe: recipeOf(made, 1) };
  const { bytes } = await encodeImage(picture);

  expect(readRecipe(bytes, 'fox')).toEqual({ request: made, image: 1, seed: 6, version: '0.1.0' });
});

test('a picture of somebody else is told from one that carries a recipe', async () => {
  const picture = { width: 8, height: 8, pixels: new Uint8Array(192), output: { format: 'png' } as const };
  const { bytes: odd } = await encodeImage({ ...picture, recipe: '{"image":-1}' });
  const { bytes: text } = await encodeImage({ ...picture, recipe: 'a fox' });

  expect(() => readRecipe(Buffer.from('GIF89a'), 'fox.gif')).toThrow('fox.gif is no PNG, WebP or JPEG');
  expect(() => readRecipe(odd, 'fox')).toThrow('without image, request, seed and version');
  expect(() => readRecipe(text, 'fox')).toThrow('not JSON');
  expect(() => readRecipe(bytesWithoutRecipe(odd), 'fox')).toThrow('carries no recipe');
});

test('a recipe that a JPEG cannot hold is a problem of the request, and of no other format', () => {
  const prompt = '\u0001'.repeat(8192);
  const long = { ...request, prompt, negative_prompt: prompt };

  expect(recipeProblems({ ...long, output: { format: 'jpeg', quality: 90 } })).toMatchObject([
    { subject: 'output.format' },
  ]);
  expect(recipeProblems({ ...long, output: { format: 'webp', quality: 90 } })).toEqual([]);
  expect(recipeProblems({ ...request, output: { format: 'jpeg', quality: 90 } })).toEqual([]);
});

/** The keyword of the text chunk, with another letter in it. */
function bytesWithoutRecipe(png: Uint8Array): Uint8Array {
  const bytes = Buffer.from(png);
  bytes.write('overtona', bytes.indexOf('overtone'));
  return bytes;
}
