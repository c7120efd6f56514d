import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Checkpoint } from '../../src/compiler/checkpoint.ts';
import { compileUnet, featureOutput } from '../../src/compiler/models/unet.ts';
import { assert } from '../../src/core/assert.ts';
import type { Cut } from '../../src/core/composition/method.ts';
import type { Adapter } from '../../src/core/lora/adapter.ts';
import type { WeightedAdapter } from '../../src/core/lora/stack.ts';
import type { Tensor } from '../../src/core/tensor/tensor.ts';
import { relativeDifference } from '../support/deviation.ts';
import { modelManifest, readGoldenCheckpoint, readGoldenLora } from '../support/golden-checkpoint.ts';
import { goldenIntegers, goldenTensors } from '../support/golden-data.ts';
import { loraFeeds, openGraph, type RunnableGraph } from '../support/run-graph.ts';
import { joinRows, sliceRows } from '../support/tensor-rows.ts';

/** Against diffusers' UNet2DConditionModel with peft. Differences are in units of the output's deviation. */

const TOLERANCE = 2e-4;
const REUSE_TOLERANCE = 1e-5;

const expected = goldenTensors('unet.safetensors');
const timesteps = goldenIntegers('unet.safetensors');
const loras = modelManifest.loras.files.map((lora) => lora.name);

type UnetInputs = Readonly<Record<'latent' | 'timestep' | 'text', Tensor>>;

function goldenCase(name: string): UnetInputs {
  const timestep = Float32Array.from(timesteps(`${name}/timestep`));
  return {
    latent: expected(`${name}/sample`),
    timestep: { data: timestep, dims: [timestep.length] },
    text: expected(`${name}/encoder_hidden_states`),
  };
}

function rowOf(inputs: UnetInputs, row: number): UnetInputs {
  return {
    latent: sliceRows(inputs.latent, row, row + 1),
    timestep: sliceRows(inputs.timestep, row, row + 1),
    text: sliceRows(inputs.text, row, row + 1),
  };
}

let checkpoint: Checkpoint;
let unet: RunnableGraph;
let adapters: ReadonlyMap<string, Adapter>;

function use(name: string, weight: number): WeightedAdapter {
  const adapter = adapters.get(name);
  assert(adapter !== undefined, `there is no LoRA ${name}`);
  return { adapter, weight };
}

beforeAll(async () => {
  checkpoint = await readGoldenCheckpoint();
  unet = await openGraph(compileUnet(checkpoint, { kind: 'full' }), checkpoint.directory);
  adapters = new Map(
    await Promise.all(loras.map(async (name) => [name, await readGoldenLora(name, checkpoint)] as const)),
  );
});

afterAll(() => unet.close());

describe('the U-Net gives what diffusers gives', () => {
  test.each(['square', 'wide', 'odd'])('without LoRA, in the %s case', async (name) => {
    const prediction = await unet.run({ ...goldenCase(name), ...loraFeeds(unet.graph) });
    expect(relativeDifference(prediction, expected(`${name}/output`))).toBeLessThan(TOLERANCE);
  });

  const rows = ['square', 'wide'].flatMap((shape) =>
    loras.flatMap((lora) => modelManifest.unet.weights.map((weight) => [shape, lora, weight] as const)),
  );
  test.each(rows)('in the %s case with %s at weight %d', async (shape, lora, weight) => {
    const sets = [[use(lora, weight)]];
    const prediction = await unet.run({ ...goldenCase(shape), ...loraFeeds(unet.graph, sets) });
    const wanted = expected(`${shape}/output/${lora}@${weight.toFixed(1)}`);
    expect(relativeDifference(prediction, wanted)).toBeLessThan(TOLERANCE);
  });
});

describe('rows of one call', () => {
  test.each(['square', 'odd'])(
    'with sets, timesteps and texts of their own are bit-equal to calls of their own (%s)',
    async (name) => {
      const [a, b] = [rowOf(goldenCase(name), 0), rowOf(goldenCase(name), 1)];
      const rows = [a, b, { ...a, timestep: b.timestep }, { ...b, text: a.text }];
      const sets = [
        [use('kohya-attention-r4', 0.7)],
        [use('peft-attention-r8', 1)],
        [use('kohya-feedforward-r6', -0.5)],
        [use('kohya-full-mixed', 1)],
      ];
      const together = await unet.run({
        latent: joinRows(rows.map((row) => row.latent)),
        timestep: joinRows(rows.map((row) => row.timestep)),
        text: joinRows(rows.map((row) => row.text)),
        ...loraFeeds(unet.graph, sets),
      });
      const apart: Tensor[] = [];
      for (const [index, row] of rows.entries()) {
        apart.push(await unet.run({ ...row, ...loraFeeds(unet.graph, [sets[index] ?? []]) }));
      }
      expect(together).toEqual(joinRows(apart));
    },
  );

  test('can share a set: two sets over four rows are two calls of two rows', async () => {
    const inputs = goldenCase('square');
    const sets = [[use('kohya-attention-r4', 1)], [use('peft-attention-r8', 0.7)]];
    const together = await unet.run({
      latent: joinRows([inputs.latent, inputs.latent]),
      timestep: joinRows([inputs.timestep, inputs.timestep]),
      text: joinRows([inputs.text, inputs.text]),
      ...loraFeeds(unet.graph, sets),
    });
    const apart: Tensor[] = [];
    for (const set of sets) apart.push(await unet.run({ ...inputs, ...loraFeeds(unet.graph, [set]) }));
    expect(together).toEqual(joinRows(apart));
  });

  test('of rank 0 are bit-equal to the graph without LoRA inputs', async () => {
    const plain = await openGraph(compileUnet(checkpoint, { kind: 'full', loraInputs: false }), checkpoint.directory);
    for (const name of ['square', 'wide', 'odd']) {
      const inputs = goldenCase(name);
      expect(await unet.run({ ...inputs, ...loraFeeds(unet.graph) })).toEqual(await plain.run(inputs));
    }
    await plain.close();
  });
});

describe('a reuse pass with the feature of a full pass gives the full output', () => {
  const cuts = [0, 1, 2, 3].flatMap((level) => [1, 2, 3].map((layers): Cut => ({ level, layers })));
  const sets = (): WeightedAdapter[][] => [[use('kohya-full-mixed', 0.7), use('peft-attention-r8', 1)]];
  const cases = ['square', 'odd'];
  const outputs = new Map<string, Readonly<Record<string, Tensor>>>();

  beforeAll(async () => {
    const full = await openGraph(compileUnet(checkpoint, { kind: 'full', cuts }), checkpoint.directory);
    for (const name of cases) {
      outputs.set(name, await full.outputs({ ...goldenCase(name), ...loraFeeds(full.graph, sets()) }));
    }
    await full.close();
  });

  test.each(cuts)('at level $level with $layers layers', async (cut) => {
    const reuse = await openGraph(compileUnet(checkpoint, { kind: 'reuse', cut }), checkpoint.directory);
    for (const name of cases) {
      const { prediction, [featureOutput(cut)]: feature } = outputs.get(name) ?? {};
      assert(prediction !== undefined && feature !== undefined, 'a full graph with cuts gives both');
      const reused = await reuse.run({ ...goldenCase(name), feature, ...loraFeeds(reuse.graph, sets()) });
      expect(relativeDifference(reused, prediction)).toBeLessThan(REUSE_TOLERANCE);
    }
    await reuse.close();
  });

  test.each(cases)('which is the same as that of a graph without cuts (%s)', async (name) => {
    const prediction = await unet.run({ ...goldenCase(name), ...loraFeeds(unet.graph, sets()) });
    expect(outputs.get(name)?.prediction).toEqual(prediction);
  });

  test('and takes the LoRAs of the layers it runs, and of no other', () => {
    const outer = compileUnet(checkpoint, { kind: 'reuse', cut: { level: 0, layers: 1 } });
    const blocks = new Set(outer.loraTargets.map(({ module }) => module.split('.transformer_blocks')[0]));
    expect([...blocks].filter((path) => !path?.includes('proj_'))).toEqual(['up_blocks.3.attentions.2']);
    const reference = compileUnet(checkpoint, { kind: 'reuse', cut: { level: 0, layers: 3 } });
    const levels = new Set(reference.loraTargets.map(({ module }) => module.split('.attentions')[0]));
    expect([...levels]).toEqual(['down_blocks.0', 'up_blocks.3']);
  });
});
