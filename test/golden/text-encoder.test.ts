import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Checkpoint } from '../../src/compiler/checkpoint.ts';
import { compileTextEncoder } from '../../src/compiler/models/clip-text.ts';
import { largestDifference } from '../support/deviation.ts';
import { modelManifest, readGoldenCheckpoint, readGoldenLora } from '../support/golden-checkpoint.ts';
import { goldenIntegers, goldenTensors } from '../support/golden-data.ts';
import { type Feeds, integers, loraFeeds, openGraph, type RunnableGraph } from '../support/run-graph.ts';
import { joinRows, sliceRows } from '../support/tensor-rows.ts';

/** Against transformers' CLIPTextModel with peft, in float32 on both sides. The reference's values are of deviation about 1. */

const TOLERANCE = 1e-4;

const expected = goldenTensors('text-encoder.safetensors');
const tokenIds = goldenIntegers('text-encoder.safetensors')('input_ids');
const loras = modelManifest.loras.files.filter((lora) => lora.text_encoder_modules > 0).map((lora) => lora.name);
const rowsWithLora = loras.flatMap((name) => modelManifest.unet.weights.map((weight) => [name, weight] as const));

let checkpoint: Checkpoint;
let encoder: RunnableGraph;
let ids: Feeds;

beforeAll(async () => {
  checkpoint = await readGoldenCheckpoint();
  encoder = await openGraph(compileTextEncoder(checkpoint), checkpoint.directory);
  const { positions } = checkpoint.textEncoder.config;
  ids = { ids: integers(tokenIds, [tokenIds.length / positions, positions]) };
});

afterAll(() => encoder.close());

describe('the text encoder gives what transformers gives', () => {
  test('without LoRA', async () => {
    const text = await encoder.run({ ...ids, ...loraFeeds(encoder.graph) });
    expect(largestDifference(text, expected('hidden_states'))).toBeLessThan(TOLERANCE);
  });

  test.each(rowsWithLora)('with %s at weight %d', async (name, weight) => {
    const adapter = await readGoldenLora(name, checkpoint);
    const text = await encoder.run({ ...ids, ...loraFeeds(encoder.graph, [[{ adapter, weight }]]) });
    const wanted = expected(`hidden_states/${name}@${weight.toFixed(1)}`);
    expect(largestDifference(text, wanted)).toBeLessThan(TOLERANCE);
  });
});

test('a row of rank 0 is bit-equal to the graph without LoRA inputs', async () => {
  // Where it can infer all shapes, which is in the plain graph alone, the runtime fuses the last sum into the final norm and adds in
  // another order. That is no difference of the graphs.
  const graph = compileTextEncoder(checkpoint, { loraInputs: false });
  const plain = await openGraph(graph, checkpoint.directory, 'SkipLayerNormFusion');
  expect(plain.graph.loraTargets).toEqual([]);
  expect(await encoder.run({ ...ids, ...loraFeeds(encoder.graph) })).toEqual(await plain.run(ids));
  await plain.close();
});

test('rows with sets of their own are bit-equal to calls of their own', async () => {
  const adapters = await Promise.all(loras.map((name) => readGoldenLora(name, checkpoint)));
  const sets = adapters.slice(0, 3).map((adapter) => [{ adapter, weight: 0.7 }]);
  const { positions } = checkpoint.textEncoder.config;
  const together = await encoder.run({ ...ids, ...loraFeeds(encoder.graph, sets) });
  const apart = await Promise.all(
    sets.map((set, row) => {
      const own = integers(tokenIds.slice(row * positions, (row + 1) * positions), [1, positions]);
      return encoder.run({ ids: own, ...loraFeeds(encoder.graph, [set]) });
    }),
  );
  expect(together).toEqual(joinRows(apart));
  expect(sliceRows(together, 0, 1)).not.toEqual(sliceRows(together, 1, 2));
});

test('names without text_model., as transformers 5 saves them, make the same graph', async () => {
  const { config, weights } = checkpoint.textEncoder;
  const entries = new Map([...weights.entries].map(([name, entry]) => [name.replace('text_model.', ''), entry]));
  const renamed = { ...checkpoint, textEncoder: { config, weights: { ...weights, entries } } };
  const graph = compileTextEncoder(renamed);
  expect(graph.loraTargets).toEqual(encoder.graph.loraTargets);
  const other = await openGraph(graph, checkpoint.directory);
  expect(await other.run({ ...ids, ...loraFeeds(graph) })).toEqual(
    await encoder.run({ ...ids, ...loraFeeds(encoder.graph) }),
  );
  await other.close();
});
