import { expect, test } from 'vitest';
import { moduleNamesOf } from '../../../../src/core/lora/module-names.ts';
import { readPeftKey } from '../../../../src/core/lora/parse-peft.ts';
import { TARGETS, TEXT_QUERY, UNET_OUT } from '../../../support/lora-targets.ts';

const names = moduleNamesOf(TARGETS);
const ATTENTION = 'down_blocks.0.attentions.0.transformer_blocks.0.attn1';
const TEXT = 'text_encoder.text_model.encoder.layers.0.self_attn';

test.each([
  [`unet.${ATTENTION}.to_out.0.lora_A.weight`, 'down', 'peft'],
  [`unet.${ATTENTION}.to_out.0.lora_B.weight`, 'up', 'peft'],
  [`${ATTENTION}.to_out.0.lora_A.weight`, 'down', 'peft'],
  [`base_model.model.${ATTENTION}.to_out.0.lora_B.weight`, 'up', 'peft'],
  [`unet.base_model.model.${ATTENTION}.to_out.0.lora_A.weight`, 'down', 'peft'],
  [`unet.${ATTENTION}.to_out.0.lora.down.weight`, 'down', 'diffusers'],
  [`unet.${ATTENTION}.processor.to_out_lora.up.weight`, 'up', 'diffusers'],
  [`unet.${ATTENTION}.processor.to_out_lora.alpha`, 'alpha', 'diffusers'],
  [`${ATTENTION}.processor.to_out_lora.down.weight`, 'down', 'diffusers'],
  [`unet.${ATTENTION}.to_out.0.alpha`, 'alpha', 'diffusers'],
])('%s is the %s of a U-Net layer (%s)', (key, part, format) => {
  expect(readPeftKey(key, names)).toMatchObject({ kind: 'part', part, format, target: UNET_OUT });
});

test.each([
  `${TEXT}.q_proj.lora_A.weight`,
  `${TEXT}.q_proj.lora_linear_layer.down.weight`,
  `${TEXT}.to_q_lora.down.weight`,
  'text_model.encoder.layers.0.self_attn.q_proj.lora_A.weight',
  'base_model.model.text_model.encoder.layers.0.self_attn.q_proj.lora_A.weight',
])('%s is the down half of a text encoder layer', (key) => {
  expect(readPeftKey(key, names)).toMatchObject({ kind: 'part', part: 'down', target: TEXT_QUERY });
});

test.each([
  'text_encoder_2.text_model.encoder.layers.0.self_attn.q_proj.lora_A.weight',
  'transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight',
  'unet.input_blocks.4.1.transformer_blocks.0.attn1.to_q.lora_A.weight',
])('%s belongs to another base model', (key) => {
  expect(readPeftKey(key, names)).toMatchObject({ kind: 'foreign' });
});

test('a key without a LoRA suffix is not of this style', () => {
  expect(readPeftKey(`unet.${ATTENTION}.to_out.0.weight`, names)).toBeUndefined();
});
