import { expect, test } from 'vitest';
import { moduleNamesOf } from '../../../../src/core/lora/module-names.ts';
import { readKohyaKey } from '../../../../src/core/lora/parse-kohya.ts';
import { TARGETS, TEXT_QUERY, UNET_OUT } from '../../../support/lora-targets.ts';

const names = moduleNamesOf(TARGETS);
const OUT = 'lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_out_0';

test.each([
  ['lora_down.weight', 'down'],
  ['lora_up.weight', 'up'],
  ['alpha', 'alpha'],
])('%s is the %s of a layer', (suffix, part) => {
  expect(readKohyaKey(`${OUT}.${suffix}`, names)).toMatchObject({ kind: 'part', part, target: UNET_OUT });
});

test.each(['lora_te', 'lora_te1'])('%s is the text encoder', (prefix) => {
  const key = `${prefix}_text_model_encoder_layers_0_self_attn_q_proj.lora_up.weight`;
  expect(readKohyaKey(key, names)).toMatchObject({ kind: 'part', component: 'text_encoder', target: TEXT_QUERY });
});

test.each([
  ['lora_te2_text_model_encoder_layers_0_self_attn_q_proj.alpha', 'SDXL'],
  ['lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q.alpha', 'SDXL'],
  ['lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight', 'Flux'],
])('%s belongs to %s', (key, base) => {
  expect(readKohyaKey(key, names)).toEqual({ kind: 'foreign', base });
});

test('a tensor of a convolution LoRA is no part of a linear one', () => {
  expect(readKohyaKey(`${OUT}.lora_mid.weight`, names)).toMatchObject({ kind: 'unmatched' });
});

test('keys of other styles are left to others', () => {
  expect(readKohyaKey('unet.conv_in.lora_A.weight', names)).toBeUndefined();
  expect(readKohyaKey('lora_unet_without_a_suffix', names)).toBeUndefined();
});
