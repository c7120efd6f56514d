import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Checkpoint } from '../../src/compiler/checkpoint.ts';
import type { CompiledGraph } from '../../src/compiler/compiled-graph.ts';
import { compileTextEncoder } from '../../src/compiler/models/clip-text.ts';
import { compileUnet } from '../../src/compiler/models/unet.ts';
import { compileVaeDecoder } from '../../src/compiler/models/vae-decoder.ts';
import { assert } from '../../src/core/assert.ts';
import type { Tensor } from '../../src/core/tensor/tensor.ts';
import { readCheckpoint } from '../../src/files/checkpoint-folder.ts';
import { GOLDEN_CHECKPOINT } from '../support/golden-checkpoint.ts';
import { goldenIntegers, goldenTensors } from '../support/golden-data.ts';
import { openGoldenEngine, picturesOf, resolveGolden } from '../support/golden-engine.ts';
import { asBfloat16, asFloat32, copyCheckpoint, shardCheckpoint } from '../support/rewrite-weights.ts';
import { type Feeds, integers, loraFeeds, openGraph } from '../support/run-graph.ts';

/** F16 and BF16 values are float32 values, so a checkpoint and its exact upcast are one model, and every output is bit-equal. */

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-weight-types-'));
  await copyCheckpoint(GOLDEN_CHECKPOINT, join(folder, 'f32'), asFloat32);
  await copyCheckpoint(GOLDEN_CHECKPOINT, join(folder, 'bf16'), asBfloat16);
  await copyCheckpoint(join(folder, 'bf16'), join(folder, 'bf16-as-f32'), asFloat32);
  await copyCheckpoint(GOLDEN_CHECKPOINT, join(folder, 'sharded'), asFloat32);
  await shardCheckpoint(join(folder, 'sharded'), 3);
  await cp(join(folder, 'bf16'), join(folder, 'bf16-sharded'), { recursive: true });
  await shardCheckpoint(join(folder, 'bf16-sharded'), 3);
});

afterAll(() => rm(folder, { recursive: true }));

test('F16 weights are exactly their F32 upcast', async () => {
  expect(await outputsOf(GOLDEN_CHECKPOINT)).toEqual(await outputsOf(join(folder, 'f32')));
});

test('BF16 weights are exactly their F32 upcast', async () => {
  expect(await outputsOf(join(folder, 'bf16'))).toEqual(await outputsOf(join(folder, 'bf16-as-f32')));
});

test('weights in three shards are the weights of one file', async () => {
  expect(await outputsOf(join(folder, 'sharded'))).toEqual(await outputsOf(join(folder, 'f32')));
});

test('a picture of a BF16 checkpoint, whole or in shards, is that of the F32 upcast to the last bit', async () => {
  const upcast = await pictureOf(join(folder, 'bf16-as-f32'));

  expect(await pictureOf(join(folder, 'bf16'))).toEqual(upcast);
  expect(await pictureOf(join(folder, 'bf16-sharded'))).toEqual(upcast);
  // So that a picture of one colour cannot pass.
  expect(new Set(upcast).size).toBeGreaterThan(100);
});

test('shards of one component may be of several types', async () => {
  const mixed = join(folder, 'mixed');
  await cp(join(folder, 'bf16-as-f32'), mixed, { recursive: true });
  await shardCheckpoint(mixed, 3);
  const shard = 'unet/diffusion_pytorch_model-00002-of-00003.safetensors';
  await cp(join(folder, 'bf16-sharded', shard), join(mixed, shard));
  expect(await outputsOf(mixed)).toEqual(await outputsOf(join(folder, 'bf16-as-f32')));
});

/** Pixels of a picture with two LoRAs by cmlora, through the whole engine. */
async function pictureOf(directory: string): Promise<Uint8Array> {
  const engine = await openGoldenEngine(directory);
  try {
    const request = await resolveGolden(engine, {
      prompt: 'a red fox in the snow',
      width: 64,
      height: 64,
      steps: 4,
      seed: 3,
      loras: [{ id: 'kohya-attention-r4' }, { id: 'peft-full-metadata', weight: 0.7 }],
      composition: { method: 'cmlora', uncond: 'per_lora' },
    });
    const [image] = (await picturesOf(engine, request)).images;
    assert(image !== undefined, 'a request has an image');
    return image.pixels;
  } finally {
    await engine.close();
  }
}

async function outputsOf(directory: string): Promise<readonly Tensor[]> {
  const checkpoint = await readCheckpoint(directory);
  const unet = goldenTensors('unet.safetensors');
  return [
    await run(checkpoint, compileTextEncoder(checkpoint), {
      ids: integers(goldenIntegers('text-encoder.safetensors')('input_ids').slice(0, 77), [1, 77]),
    }),
    await run(checkpoint, compileUnet(checkpoint, { kind: 'full' }), {
      latent: unet('square/sample'),
      timestep: { data: Float32Array.of(801, 37), dims: [2] },
      text: unet('square/encoder_hidden_states'),
    }),
    await run(checkpoint, compileVaeDecoder(checkpoint), { latent: goldenTensors('vae.safetensors')('odd/latent') }),
  ];
}

async function run(checkpoint: Checkpoint, compiled: CompiledGraph, feeds: Feeds): Promise<Tensor> {
  const graph = await openGraph(compiled, checkpoint.directory);
  try {
    return await graph.run({ ...feeds, ...loraFeeds(compiled) });
  } finally {
    await graph.close();
  }
}
