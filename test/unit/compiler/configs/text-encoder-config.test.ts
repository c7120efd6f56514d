import { expect, test } from 'vitest';
import { parseTextEncoderConfig } from '../../../../src/compiler/configs/text-encoder-config.ts';

const parse = (json: Record<string, unknown>) => parseTextEncoderConfig(json, 'text_encoder/config.json');

test("keys that are missing mean transformers' defaults", () => {
  const { value, problems } = parse({ hidden_size: 768, num_attention_heads: 12, top_k: 50 });
  expect(problems).toEqual([]);
  expect(value).toEqual({
    vocabularySize: 49408,
    positions: 77,
    width: 768,
    feedForwardWidth: 2048,
    layers: 12,
    heads: 12,
    activation: 'quick_gelu',
    normEpsilon: 1e-5,
  });
});

test.each([
  [{ hidden_act: 'gelu_new' }, 'hidden_act is "gelu_new"; must be "quick_gelu" or "gelu"'],
  [{ model_type: 't5' }, 'model_type is "t5"; must be "clip_text_model"'],
  [{ hidden_size: 512, num_attention_heads: 7 }, 'hidden_size, 512, must be a multiple of it'],
])('%o is refused by name', (json, message) => {
  expect(parse(json).problems.map((problem) => problem.message)).toEqual([expect.stringContaining(message)]);
});
