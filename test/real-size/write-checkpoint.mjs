/** A diffusers folder of Stable Diffusion 1.5's size: its published configs, CLIP's own vocabulary, random F16 weights. 2.1 GB. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { COMPONENTS } from './sd15-weights.mjs';
import { writeRandomWeights } from './write-random.mjs';

/** What runwayml/stable-diffusion-v1-5 says, keys that no reader needs left out. */
const CONFIGS = {
  'model_index.json': {
    _class_name: 'StableDiffusionPipeline',
    _diffusers_version: '0.6.0',
    feature_extractor: ['transformers', 'CLIPImageProcessor'],
    safety_checker: [null, null],
    scheduler: ['diffusers', 'PNDMScheduler'],
    text_encoder: ['transformers', 'CLIPTextModel'],
    tokenizer: ['transformers', 'CLIPTokenizer'],
    unet: ['diffusers', 'UNet2DConditionModel'],
    vae: ['diffusers', 'AutoencoderKL'],
  },
  'scheduler/scheduler_config.json': {
    _class_name: 'PNDMScheduler',
    _diffusers_version: '0.6.0',
    beta_end: 0.012,
    beta_schedule: 'scaled_linear',
    beta_start: 0.00085,
    num_train_timesteps: 1000,
    set_alpha_to_one: false,
    skip_prk_steps: true,
    steps_offset: 1,
    trained_betas: null,
    clip_sample: false,
  },
  'text_encoder/config.json': {
    architectures: ['CLIPTextModel'],
    attention_dropout: 0,
    bos_token_id: 0,
    dropout: 0,
    eos_token_id: 2,
    hidden_act: 'quick_gelu',
    hidden_size: 768,
    initializer_factor: 1,
    initializer_range: 0.02,
    intermediate_size: 3072,
    layer_norm_eps: 1e-5,
    max_position_embeddings: 77,
    model_type: 'clip_text_model',
    num_attention_heads: 12,
    num_hidden_layers: 12,
    pad_token_id: 1,
    projection_dim: 768,
    torch_dtype: 'float32',
    vocab_size: 49_408,
  },
  'unet/config.json': {
    _class_name: 'UNet2DConditionModel',
    _diffusers_version: '0.6.0',
    act_fn: 'silu',
    attention_head_dim: 8,
    block_out_channels: [320, 640, 1280, 1280],
    center_input_sample: false,
    cross_attention_dim: 768,
    down_block_types: ['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D'],
    downsample_padding: 1,
    flip_sin_to_cos: true,
    freq_shift: 0,
    in_channels: 4,
    layers_per_block: 2,
    mid_block_scale_factor: 1,
    norm_eps: 1e-5,
    norm_num_groups: 32,
    out_channels: 4,
    sample_size: 64,
    up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'],
  },
  'vae/config.json': {
    _class_name: 'AutoencoderKL',
    _diffusers_version: '0.6.0',
    act_fn: 'silu',
    block_out_channels: [128, 256, 512, 512],
    down_block_types: ['DownEncoderBlock2D', 'DownEncoderBlock2D', 'DownEncoderBlock2D', 'DownEncoderBlock2D'],
    in_channels: 3,
    latent_channels: 4,
    layers_per_block: 2,
    norm_num_groups: 32,
    out_channels: 3,
    sample_size: 512,
    up_block_types: ['UpDecoderBlock2D', 'UpDecoderBlock2D', 'UpDecoderBlock2D', 'UpDecoderBlock2D'],
  },
  'tokenizer/special_tokens_map.json': {
    bos_token: { content: '<|startoftext|>', lstrip: false, normalized: true, rstrip: false, single_word: false },
    eos_token: { content: '<|endoftext|>', lstrip: false, normalized: true, rstrip: false, single_word: false },
    pad_token: '<|endoftext|>',
    unk_token: { content: '<|endoftext|>', lstrip: false, normalized: true, rstrip: false, single_word: false },
  },
};

const CLIP_MERGES = join(import.meta.dirname, '../golden/clip/bpe_simple_vocab_16e6.txt.gz');

export function writeCheckpoint(folder) {
  for (const [name, config] of Object.entries(CONFIGS)) write(folder, name, JSON.stringify(config, null, 2));
  writeTokenizer(folder);
  for (const [seed, [component, { file, weights }]] of Object.entries(COMPONENTS).entries()) {
    const tensors = weights.map(({ name, dims, fanIn }) => ({ name, dims, ...distribution(name, fanIn) }));
    // An I64 tensor that SD 1.5's file has and no layer needs.
    const positions = { name: 'text_model.embeddings.position_ids', dims: [1, 77], integers: Array(77).keys() };
    if (component === 'text_encoder') tensors.push(positions);
    writeRandomWeights(join(folder, component, file), tensors, seed + 1);
  }
}

/** What keeps activations of about one size through a deep net, so that outputs are finite: He's scaling, norms about 1. */
function distribution(name, fanIn) {
  if (fanIn !== undefined) return { deviation: 1 / Math.sqrt(fanIn) };
  const isScale = name.endsWith('.weight');
  return { mean: isScale ? 1 : 0, deviation: 0.02 };
}

/** By ../golden/clip/README.md. */
function writeTokenizer(folder) {
  const merges = gunzipSync(readFileSync(CLIP_MERGES)).toString('utf8').split('\n').slice(1, 48_895);
  const symbols = byteSymbols();
  const words = merges.map((merge) => merge.replace(' ', ''));
  const tokens = [
    ...symbols,
    ...symbols.map((symbol) => `${symbol}</w>`),
    ...words,
    '<|startoftext|>',
    '<|endoftext|>',
  ];
  const vocabulary = Object.fromEntries(tokens.map((token, id) => [token, id]));
  write(folder, 'tokenizer/vocab.json', JSON.stringify(vocabulary));
  write(folder, 'tokenizer/merges.txt', ['#version: 0.2', ...merges, ''].join('\n'));
}

/** One printable character for each byte, printable bytes first, the rest from U+0100. */
function byteSymbols() {
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  const isPrintable = (byte) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  const printable = bytes.filter(isPrintable).map((byte) => String.fromCharCode(byte));
  return [...printable, ...Array.from({ length: 256 - printable.length }, (_, n) => String.fromCharCode(256 + n))];
}

function write(folder, name, text) {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
