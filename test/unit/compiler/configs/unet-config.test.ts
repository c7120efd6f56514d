import { expect, test } from 'vitest';
import { parseUnetConfig } from '../../../../src/compiler/configs/unet-config.ts';
import configs from '../../../support/sd15-configs.json' with { type: 'json' };

/** Stable Diffusion 1.5's unet/config.json, as published. */
const SD15 = configs['unet/config.json'];

const parse = (changes: Record<string, unknown>) => parseUnetConfig({ ...SD15, ...changes }, 'unet/config.json');
const messages = (changes: Record<string, unknown>) => parse(changes).problems.map((problem) => problem.message);

test("Stable Diffusion 1.5's own config is understood", () => {
  const { value, problems } = parse({});
  expect(problems).toEqual([]);
  expect(value.levels).toEqual([
    { channels: 320, heads: 8, downAttention: true, upAttention: true },
    { channels: 640, heads: 8, downAttention: true, upAttention: true },
    { channels: 1280, heads: 8, downAttention: true, upAttention: true },
    { channels: 1280, heads: 8, downAttention: false, upAttention: false },
  ]);
});

test('heads may differ by level, outermost first', () => {
  const { value, problems } = parse({ attention_head_dim: [5, 10, 20, 20] });
  expect(problems).toEqual([]);
  expect(value.levels.map(({ heads }) => heads)).toEqual([5, 10, 20, 20]);
});

test('attention on the way up belongs to the level it is at', () => {
  const { value } = parse({
    down_block_types: ['DownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D', 'DownBlock2D'],
    up_block_types: ['UpBlock2D', 'UpBlock2D', 'UpBlock2D', 'CrossAttnUpBlock2D'],
  });
  expect(value.levels.map(({ downAttention, upAttention }) => [downAttention, upAttention])).toEqual([
    [false, true],
    [true, false],
    [false, false],
    [false, false],
  ]);
});

test.each([
  ['an inpainting model', { in_channels: 9 }, 'out_channels is 4; must equal in_channels, 9'],
  ['SDXL', { addition_embed_type: 'text_time' }, 'addition_embed_type is "text_time"; must be null'],
  ['SDXL', { transformer_layers_per_block: [1, 2, 10] }, 'transformer_layers_per_block is [1,2,10]; must be 1'],
  ['a distilled model', { time_cond_proj_dim: 256 }, 'time_cond_proj_dim is 256; must be null'],
  ['another activation', { act_fn: 'gelu' }, 'act_fn is "gelu"; must be "silu"'],
  ['heads by the other key', { num_attention_heads: 8 }, 'num_attention_heads is 8; must be null'],
  [
    'unknown blocks',
    { up_block_types: ['SimpleCrossAttnUpBlock2D'] },
    'up_block_types is ["SimpleCrossAttnUpBlock2D"]',
  ],
  ['too few blocks', { down_block_types: ['DownBlock2D'] }, 'down_block_types has 1 blocks; must have 4'],
  [
    'heads that do not divide',
    { attention_head_dim: 7 },
    'block_out_channels[0] is 320; must be a multiple of attention_head_dim, 7 heads',
  ],
  ['too few heads', { attention_head_dim: [8] }, 'attention_head_dim is [8]; must be a whole number'],
  [
    'groups that do not divide',
    { norm_num_groups: 48 },
    'block_out_channels[0] is 320; must be a multiple of norm_num_groups',
  ],
  ['a shift of all frequencies', { freq_shift: 160 }, 'freq_shift is 160; must be less than 160'],
  ['a key of the future', { use_quantum_attention: true }, 'use_quantum_attention is true; this key is not supported'],
])('%s is refused by name', (_what, changes, message) => {
  expect(messages(changes).join('\n')).toContain(message);
});

test('all problems come at once', () => {
  expect(messages({ act_fn: 'relu', in_channels: 9, class_embed_type: 'timestep' })).toHaveLength(3);
});
