import { expect, test } from 'vitest';
import { adapterMetadataOf } from '../../../../src/core/lora/adapter-metadata.ts';

const PATH = 'down_blocks.0.attentions.0.proj_in';

function scalingOf(fields: Readonly<Record<string, unknown>>, rank = 4) {
  const metadata = { lora_adapter_metadata: JSON.stringify(fields) };
  return adapterMetadataOf(metadata, 'ink.safetensors').scalingOf('unet', PATH, rank);
}

test('a file without metadata says nothing', () => {
  expect(adapterMetadataOf({}, 'ink.safetensors').scalingOf('unet', PATH, 4)).toBeUndefined();
});

test('the alpha of the component holds for all its layers', () => {
  expect(scalingOf({ 'unet.lora_alpha': 8, 'text_encoder.lora_alpha': 3 })).toEqual({ alpha: 8, scale: 2 });
});

test('a pattern names the end of a path, by whole names', () => {
  expect(scalingOf({ 'unet.lora_alpha': 8, 'unet.alpha_pattern': { proj_in: 2 } })?.alpha).toBe(2);
  expect(scalingOf({ 'unet.lora_alpha': 8, 'unet.alpha_pattern': { 'attentions.0.proj_in': 2 } })?.alpha).toBe(2);
  expect(scalingOf({ 'unet.lora_alpha': 8, 'unet.alpha_pattern': { in: 2 } })?.alpha).toBe(8);
});

test('an anchored pattern names the whole path', () => {
  expect(scalingOf({ 'unet.lora_alpha': 8, 'unet.alpha_pattern': { [`^${PATH}`]: 2 } })?.alpha).toBe(2);
  expect(scalingOf({ 'unet.lora_alpha': 8, 'unet.alpha_pattern': { '^proj_in': 2 } })?.alpha).toBe(8);
});

test('rank-stabilised LoRA divides by the root of the rank', () => {
  expect(scalingOf({ 'unet.lora_alpha': 8, 'unet.use_rslora': true }, 16)).toEqual({ alpha: 8, scale: 2 });
});

test('a regular expression as pattern is refused, not guessed at', () => {
  expect(() => scalingOf({ 'unet.lora_alpha': 8, 'unet.alpha_pattern': { '.*proj_(in|out)': 2 } })).toThrow(
    'ink.safetensors has the pattern ".*proj_(in|out)" for alphas; only module names are supported',
  );
});

test.each(['{', '[]', '"text"'])('metadata %s is refused', (text) => {
  expect(() => adapterMetadataOf({ lora_adapter_metadata: text }, 'ink.safetensors')).toThrow('lora_adapter_metadata');
});

test('an alpha that is no number is refused', () => {
  expect(() => scalingOf({ 'unet.lora_alpha': 'big' })).toThrow(`has "big" as alpha of ${PATH}`);
});
