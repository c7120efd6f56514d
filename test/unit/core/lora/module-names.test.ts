import { expect, test } from 'vitest';
import { moduleNamesOf } from '../../../../src/core/lora/module-names.ts';
import { TARGETS, TEXT_QUERY, UNET_OUT } from '../../../support/lora-targets.ts';

const names = moduleNamesOf(TARGETS);

test('a path and its underscore name find the same layer', () => {
  expect(names.byPath('unet', UNET_OUT.module)).toBe(UNET_OUT);
  expect(names.byUnderscoreName('unet', UNET_OUT.module.replaceAll('.', '_'))).toBe(UNET_OUT);
});

test('the level text_model may be there or not, in the checkpoint and in the name', () => {
  expect(names.byPath('text_encoder', 'encoder.layers.0.self_attn.q_proj')).toBe(TEXT_QUERY);
  const bare = { ...TEXT_QUERY, module: 'encoder.layers.0.self_attn.q_proj' };
  expect(moduleNamesOf([bare]).byUnderscoreName('text_encoder', 'text_model_encoder_layers_0_self_attn_q_proj')).toBe(
    bare,
  );
});

test('a layer of one component is not found in the other', () => {
  expect(names.byPath('text_encoder', UNET_OUT.module)).toBeUndefined();
});
