import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Checkpoint } from '../../src/compiler/checkpoint.ts';
import type { CompiledGraph } from '../../src/compiler/compiled-graph.ts';
import { compileTextEncoder } from '../../src/compiler/models/clip-text.ts';
import { compileUnet } from '../../src/compiler/models/unet.ts';
import { compileVaeDecoder } from '../../src/compiler/models/vae-decoder.ts';
import type { Tensor } from '../../src/core/tensor/tensor.ts';
import { readCheckpoint } from '../../src/files/checkpoint-folder.ts';
import { GOLDEN_CHECKPOINT } from '../support/golden-checkpoint.ts';
import { goldenIntegers, goldenTensors } from '../support/golden-data.ts';
import { asBfloat16, asFloat32, copyCheckpoint } from '../support/rewrite-weights.ts';
import { type Feeds, integers, loraFeeds, openGraph } from '../support/run-graph.ts';

/** F16 and BF16 values are float32 values, so a checkpoint and its exact upcast are one model, and every output is bit-equal. */

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-weight-types-'));
  await copyCheckpoint(GOLDEN_CHECKPOINT, join(folder, 'f32'), asFloat32);
  await copyCheckpoint(GOLDEN_CHECKPOINT, join(folder, 'bf16'), asBfloat16);
  await copyCheckpoint(join(folder, 'bf16'), join(folder, 'bf16-as-f32'), asFloat32);
});

afterAll(() => rm(folder, { recursive: true }));

test('F16 weights are exactly their F32 upcast', async () => {
  expect(await outputsOf(GOLDEN_CHECKPOINT)).toEqual(await outputsOf(join(folder, 'f32')));
});

test('BF16 weights are exactly their F32 upcast', async () => {
  expect(await outputsOf(join(folder, 'bf16'))).toEqual(await outputsOf(join(folder, 'bf16-as-f32')));
});

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
