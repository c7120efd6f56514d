import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Checkpoint } from '../../src/compiler/checkpoint.ts';
import { compileVaeDecoder } from '../../src/compiler/models/vae-decoder.ts';
import { compileVaeEncoder } from '../../src/compiler/models/vae-encoder.ts';
import { assert } from '../../src/core/assert.ts';
import { largestDifference } from '../support/deviation.ts';
import { readGoldenCheckpoint } from '../support/golden-checkpoint.ts';
import { goldenTensors } from '../support/golden-data.ts';
import { openGraph, type RunnableGraph } from '../support/run-graph.ts';
import { joinRows, sliceRows } from '../support/tensor-rows.ts';

/** Against diffusers' AutoencoderKL, both ways. Planes run from -1 to 1, so the tolerance is an eighth of a grey level. */

const TOLERANCE = 1e-3;

const expected = goldenTensors('vae.safetensors');
const encoded = goldenTensors('vae-encoder.safetensors');

let checkpoint: Checkpoint;
let decoder: RunnableGraph;
let encoder: RunnableGraph;

beforeAll(async () => {
  checkpoint = await readGoldenCheckpoint();
  decoder = await openGraph(compileVaeDecoder(checkpoint), checkpoint.directory);
  encoder = await openGraph(compileVaeEncoder(checkpoint), checkpoint.directory);
});

afterAll(async () => {
  await decoder.close();
  await encoder.close();
});

test.each(['square', 'wide', 'odd'])('the decoder gives what diffusers gives, in the %s case', async (name) => {
  const planes = await decoder.run({ latent: expected(`${name}/latent`) });
  expect(largestDifference(planes, expected(`${name}/image`))).toBeLessThan(TOLERANCE);
});

test.each(['square', 'wide', 'odd'])('the encoder gives what diffusers gives, in the %s case', async (name) => {
  const { mean, deviation } = await encoder.outputs({ planes: encoded(`${name}/image`) });
  assert(mean !== undefined && deviation !== undefined, 'an encoder gives both');
  expect(largestDifference(mean, encoded(`${name}/mean`))).toBeLessThan(TOLERANCE);
  expect(largestDifference(deviation, encoded(`${name}/deviation`))).toBeLessThan(TOLERANCE);
});

test('a picture does not depend on what else is decoded with it', async () => {
  const latent = expected('square/latent');
  const together = await decoder.run({ latent });
  const apart = [
    await decoder.run({ latent: sliceRows(latent, 0, 1) }),
    await decoder.run({ latent: sliceRows(latent, 1, 2) }),
  ];
  expect(together).toEqual(joinRows(apart));
});

test("the attention's names of before diffusers 0.18 make the same graphs", async () => {
  const { config, weights } = checkpoint.vae;
  const old = { to_q: 'query', to_k: 'key', to_v: 'value', 'to_out.0': 'proj_attn' };
  const entries = new Map(
    [...weights.entries].map(([name, entry]) => {
      const renamed = Object.entries(old).reduce((text, [from, to]) => text.replace(`.${from}.`, `.${to}.`), name);
      return [renamed, entry];
    }),
  );
  const renamed = { ...checkpoint, vae: { config, weights: { ...weights, entries } } };
  const latent = expected('wide/latent');
  const planes = encoded('wide/image');
  const decoderOfOld = await openGraph(compileVaeDecoder(renamed), checkpoint.directory);
  expect(await decoderOfOld.run({ latent })).toEqual(await decoder.run({ latent }));
  await decoderOfOld.close();
  const encoderOfOld = await openGraph(compileVaeEncoder(renamed), checkpoint.directory);
  expect(await encoderOfOld.run({ planes })).toEqual(await encoder.run({ planes }));
  await encoderOfOld.close();
});
