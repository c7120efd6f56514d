import { cp, mkdir, mkdtemp, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Weights } from '../../../src/compiler/checkpoint.ts';
import { InputError, type Problem } from '../../../src/core/problem.ts';
import { readCheckpoint } from '../../../src/files/checkpoint-folder.ts';
import { GOLDEN_CHECKPOINT } from '../../support/golden-checkpoint.ts';
import { shardCheckpoint } from '../../support/rewrite-weights.ts';

const UNET = 'unet/diffusion_pytorch_model.safetensors';

let folder: string;
let checkpoint: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-checkpoint-'));
  checkpoint = join(folder, 'my-model');
  await cp(GOLDEN_CHECKPOINT, checkpoint, { recursive: true });
});

afterEach(() => rm(folder, { recursive: true }));

async function problems(): Promise<readonly Problem[]> {
  try {
    await readCheckpoint(checkpoint);
  } catch (error) {
    if (error instanceof InputError) return error.problems;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** The files in which a component's weights lie. */
function filesOf({ weights }: { readonly weights: Weights }): readonly string[] {
  return [...new Set([...weights.entries.values()].map(({ file }) => file))];
}

const messages = async () => (await problems()).map((problem) => problem.message);

async function changeConfig(name: string, changes: Record<string, unknown>): Promise<void> {
  const path = join(checkpoint, name);
  const config: object = JSON.parse(await readFile(path, 'utf8'));
  await writeFile(path, JSON.stringify({ ...config, ...changes }));
}

test('a folder becomes a checkpoint that is named after it', async () => {
  const read = await readCheckpoint(`${checkpoint}/`);
  expect(read.id).toBe('my-model');
  expect(read.directory).toBe(checkpoint);
  expect(filesOf(read.unet)).toEqual([UNET]);
  expect(read.unet.weights.entries.size).toBeGreaterThan(600);
  expect(read.tokenizer.positions).toBe(77);
  expect(Object.keys(read.tokenizer.vocabulary)).toHaveLength(1000);
  expect(read.tokenizer.merges).toHaveLength(486);
});

describe('its hash', () => {
  test('is that of the files, wherever they lie', async () => {
    const { sha256 } = await readCheckpoint(checkpoint);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect((await readCheckpoint(GOLDEN_CHECKPOINT)).sha256).toBe(sha256);
  });

  test('changes with any byte of a config or a weight', async () => {
    const { sha256 } = await readCheckpoint(checkpoint);
    await changeConfig('scheduler/scheduler_config.json', { beta_end: 0.013 });
    const reconfigured = (await readCheckpoint(checkpoint)).sha256;
    const path = join(checkpoint, UNET);
    const weights = await readFile(path);
    weights[weights.length - 1] = (weights.at(-1) ?? 0) ^ 1;
    await writeFile(path, weights);
    expect(new Set([sha256, reconfigured, (await readCheckpoint(checkpoint)).sha256]).size).toBe(3);
  });
});

test('half-precision weights are taken where the plain file is absent', async () => {
  const half = 'unet/diffusion_pytorch_model.fp16.safetensors';
  await rename(join(checkpoint, UNET), join(checkpoint, half));
  expect(filesOf((await readCheckpoint(checkpoint)).unet)).toEqual([half]);
});

test("links into another folder, as in Hugging Face's cache, are resolved to where the weights are", async () => {
  const blobs = join(folder, 'blobs');
  await mkdir(blobs);
  for (const [name, blob] of [
    ['text_encoder/model.safetensors', 'aa'],
    [UNET, 'bb'],
    ['vae/diffusion_pytorch_model.safetensors', 'cc'],
  ] as const) {
    await rename(join(checkpoint, name), join(blobs, blob));
    await symlink(`../../blobs/${blob}`, join(checkpoint, name));
  }
  const read = await readCheckpoint(checkpoint);
  expect(read.id).toBe('my-model');
  expect(read.directory).toBe(blobs);
  expect([read.textEncoder, read.unet, read.vae].flatMap(filesOf)).toEqual(['aa', 'bb', 'cc']);
  expect(read.sha256).toBe((await readCheckpoint(GOLDEN_CHECKPOINT)).sha256);
});

describe('weights in shards', () => {
  const index = 'unet/diffusion_pytorch_model.safetensors.index.json';
  const shard = (number: number) => `unet/diffusion_pytorch_model-0000${number}-of-00003.safetensors`;
  beforeEach(() => shardCheckpoint(checkpoint, 3));

  async function changeIndex(change: (map: Record<string, unknown>) => unknown): Promise<void> {
    const { weight_map } = JSON.parse(await readFile(join(checkpoint, index), 'utf8'));
    await writeFile(join(checkpoint, index), JSON.stringify({ weight_map: change(weight_map) }));
  }

  test('are found where the index says', async () => {
    const whole = await readCheckpoint(GOLDEN_CHECKPOINT);
    const { unet, sha256 } = await readCheckpoint(checkpoint);
    expect(filesOf(unet)).toEqual([shard(1), shard(2), shard(3)]);
    expect(unet.weights.entries.size).toBe(whole.unet.weights.entries.size);
    expect(sha256).not.toBe(whole.sha256);
  });

  test('change the hash of the checkpoint with any of their bytes', async () => {
    const { sha256 } = await readCheckpoint(checkpoint);
    const weights = await readFile(join(checkpoint, shard(2)));
    weights[weights.length - 1] = (weights.at(-1) ?? 0) ^ 1;
    await writeFile(join(checkpoint, shard(2)), weights);
    expect((await readCheckpoint(checkpoint)).sha256).not.toBe(sha256);
  });

  test('may be links, as in the cache of Hugging Face', async () => {
    await mkdir(join(folder, 'blobs'));
    await rename(join(checkpoint, shard(2)), join(folder, 'blobs/bb'));
    await symlink('../../blobs/bb', join(checkpoint, shard(2)));
    const read = await readCheckpoint(checkpoint);
    expect(read.directory).toBe(folder);
    expect(filesOf(read.unet)).toEqual([`my-model/${shard(1)}`, 'blobs/bb', `my-model/${shard(3)}`]);
  });

  test('are refused where shards are missing, with all of them', async () => {
    await rm(join(checkpoint, shard(1)));
    await rm(join(checkpoint, shard(3)));
    expect(await messages()).toEqual([`${index}: ${shard(1)}, ${shard(3)} are missing`]);
  });

  test('are refused where a shard holds other weights than the index says', async () => {
    await changeIndex(({ 'conv_in.bias': _, ...map }) => ({
      ...map,
      'conv_out.bias': shardName(2),
      more: shardName(3),
    }));
    const all = await messages();
    expect(all).toContainEqual(expect.stringMatching(/conv_in\.bias, which the index lacks$/));
    expect(all).toContainEqual(expect.stringMatching(/conv_out\.bias, which the index has in .*00002-of-00003/));
    expect(all).toContain(`${index}: ${shard(3)} does not hold more`);
  });

  test.each([
    '../vae/diffusion_pytorch_model.safetensors',
    '/etc/passwd',
    'diffusion_pytorch_model.safetensors.index.json',
    'other.safetensors.index.json',
    '..',
    7,
    null,
  ])('are refused where the index names %j for a shard', async (file) => {
    await changeIndex((map) => ({ ...map, 'conv_in.bias': file }));
    expect(await problems()).toEqual([
      {
        code: 'malformed_file',
        subject: index,
        message: `${index}: weight_map names the file ${JSON.stringify(file)}; must be a .safetensors file in the folder of the index`,
      },
    ]);
  });

  test('are refused where the index is not JSON', async () => {
    await writeFile(join(checkpoint, index), '{"weight_map": {');
    expect(await messages()).toEqual([expect.stringContaining(`${index}: is not JSON`)]);
  });

  test('are refused where a shard is truncated', async () => {
    await truncate(join(checkpoint, shard(2)), 1000);
    expect((await problems())[0]).toMatchObject({ code: 'malformed_file', subject: shard(2) });
  });

  function shardName(number: number): string {
    return basename(shard(number));
  }
});

describe('a folder is refused', () => {
  test('where files are missing, with all of them', async () => {
    await rm(join(checkpoint, UNET));
    await rm(join(checkpoint, 'tokenizer'), { recursive: true });
    expect(await messages()).toEqual([
      expect.stringContaining(
        'unet/diffusion_pytorch_model.safetensors or unet/diffusion_pytorch_model.fp16.safetensors',
      ),
      expect.stringContaining('tokenizer/vocab.json is missing'),
      expect.stringContaining('tokenizer/merges.txt is missing'),
    ]);
  });

  test('where it is no folder at all', async () => {
    checkpoint = join(folder, 'nowhere');
    expect(await messages()).toHaveLength(10);
  });

  test('where it is another pipeline', async () => {
    await changeConfig('model_index.json', { _class_name: 'StableDiffusionXLPipeline' });
    expect(await messages()).toEqual([
      'model_index.json: _class_name is "StableDiffusionXLPipeline"; must be "StableDiffusionPipeline"',
    ]);
  });

  test('where configs hold unsupported values, with those of all files', async () => {
    await changeConfig('unet/config.json', { class_embed_type: 'timestep' });
    await changeConfig('vae/config.json', { shift_factor: 0.5 });
    await changeConfig('text_encoder/config.json', { hidden_act: 'relu' });
    expect(await messages()).toEqual([
      'text_encoder/config.json: hidden_act is "relu"; must be "quick_gelu" or "gelu"',
      'unet/config.json: class_embed_type is "timestep"; must be null',
      'vae/config.json: shift_factor is 0.5; must be null',
    ]);
  });

  test('where a config is not JSON', async () => {
    await writeFile(join(checkpoint, 'vae/config.json'), '{');
    expect(await problems()).toMatchObject([{ code: 'malformed_file', subject: 'vae/config.json' }]);
  });

  test('where a weight file is truncated', async () => {
    await truncate(join(checkpoint, UNET), 1_000_000);
    expect((await problems())[0]).toMatchObject({ code: 'malformed_file', subject: UNET });
  });

  test('where weights are missing or of other shapes than the config says', async () => {
    await changeConfig('unet/config.json', { block_out_channels: [32, 64, 32, 32] });
    await changeConfig('text_encoder/config.json', { num_hidden_layers: 4 });
    const all = await messages();
    expect(all).toContain(
      'text_encoder/model.safetensors: text_model.encoder.layers.3.layer_norm1.weight is missing; must be [48]',
    );
    expect(all).toContain(
      `${UNET}: down_blocks.1.resnets.0.conv1.weight is [32,32,3,3]; must be [64,32,3,3] by the config`,
    );
  });

  test('where weights are left over, because the config describes a smaller model', async () => {
    await changeConfig('unet/config.json', { layers_per_block: 1 });
    await changeConfig('text_encoder/config.json', { num_hidden_layers: 2 });
    await changeConfig('vae/config.json', { use_post_quant_conv: false });
    const all = await messages();
    for (const weight of [
      `${UNET}: down_blocks.0.attentions.1.norm.bias`,
      'text_encoder/model.safetensors: text_model.encoder.layers.2.layer_norm1.bias',
      'vae/diffusion_pytorch_model.safetensors: post_quant_conv.weight',
    ]) {
      expect(all).toContain(`${weight} belongs to no layer that the config describes`);
    }
  });

  test('where its parts do not fit together', async () => {
    await changeConfig('unet/config.json', { cross_attention_dim: 64 });
    expect((await messages())[0]).toBe(
      'unet/config.json: cross_attention_dim is 64; must be 48, as hidden_size of text_encoder/config.json',
    );
  });
});
