import { expect, test } from 'vitest';
import { parseClipConfig, parsePixelScale } from '../../../../src/compiler/configs/clip-config.ts';

const messages = (problems: readonly { readonly message: string }[]) => problems.map(({ message }) => message);

test("openai/clip-vit-base-patch16's keys are understood, and what is missing means transformers' defaults", () => {
  const { value, problems } = parseClipConfig(
    {
      model_type: 'clip',
      text_config: { model_type: 'clip_text_model', eos_token_id: 2, top_k: 50 },
      vision_config: { model_type: 'clip_vision_model', patch_size: 16 },
      logit_scale_init_value: 2.6592,
    },
    'config.json',
  );
  expect(problems).toEqual([]);
  expect(value.text).toMatchObject({ width: 512, heads: 8, layers: 12, positions: 77, vocabularySize: 49408 });
  expect(value.vision).toMatchObject({ width: 768, heads: 12, layers: 12, imageSize: 224, patchSize: 16 });
  expect(value).toMatchObject({ embeddingWidth: 512, endTokenId: 2 });
});

test('everything that is wrong is said at once, with the tower that it is in', () => {
  const { problems } = parseClipConfig(
    {
      model_type: 'siglip',
      text_config: { hidden_act: 'swish' },
      vision_config: { image_size: 100, patch_size: 16, num_channels: 1 },
    },
    'config.json',
  );
  expect(messages(problems)).toEqual([
    'config.json: model_type is "siglip"; must be "clip"',
    'config.json text_config: hidden_act is "swish"; must be "quick_gelu" or "gelu"',
    'config.json vision_config: num_channels is 1; must be 3',
    'config.json vision_config: patch_size is 16; image_size, 100, must be a multiple of it',
  ]);
});

test('a tower that is missing is refused', () => {
  expect(messages(parseClipConfig({ text_config: {} }, 'config.json').problems)).toEqual([
    'config.json: vision_config is missing; must be an object',
  ]);
});

test.each([
  [{ image_mean: [0.5, 0.5, 0.5] }, 'image_std is missing; must be a list of three numbers'],
  [{ image_mean: [0.5], image_std: [1, 1, 1] }, 'image_mean is [0.5]; must be a list of three numbers'],
  [{ image_mean: [0, 0, 0], image_std: [1, 0, 1] }, 'image_std is [1,0,1]; must be a list of three numbers'],
])('the scale of pixels is not guessed: %o', (json, message) => {
  expect(messages(parsePixelScale(json, 'p.json').problems)).toEqual([expect.stringContaining(message)]);
});
