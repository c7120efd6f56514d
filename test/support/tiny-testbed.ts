import { cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import type { Graph } from '../../src/compiler/graph.ts';
import { writeModel } from '../../src/compiler/onnx/model-writer.ts';
import { randn } from '../../src/core/random/torch-generator.ts';
import { GOLDEN_CHECKPOINT } from './golden-checkpoint.ts';
import { GOLDEN_LORAS } from './golden-engine.ts';

/**
 * A whole testbed in a folder of its own, small enough to run in seconds: the golden checkpoint, four of its LoRAs in the places of a
 * character, a garment and two styles, the golden CLIP, a judge of concepts that is one random matrix, and noise for true renderings.
 * What it says of pictures means nothing; that it says the same again is the point.
 */

const SIDE = 64;
export const LORAS = [
  ['kohya-attention-r4', 'character', 'red fox'],
  ['peft-full-metadata', 'clothing', 'blue coat'],
  ['legacy-cross-attention-r2', 'style', 'ink style'],
  ['kohya-feedforward-r6', 'style', 'wash style'],
] as const;
const SETS = [
  'kohya-attention-r4+peft-full-metadata',
  'kohya-attention-r4+legacy-cross-attention-r2',
  'kohya-attention-r4+kohya-feedforward-r6',
  'kohya-attention-r4+peft-full-metadata+legacy-cross-attention-r2',
  'kohya-attention-r4+peft-full-metadata+kohya-feedforward-r6',
];

/** The testbed's file. `change` is laid over it. */
export async function writeTinyTestbed(change: object = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'overtone-testbed-'));
  await cp(join(import.meta.dirname, '../golden/clip-model'), join(folder, 'clip'), { recursive: true });
  await writeConceptJudge(join(folder, 'concepts'));
  await writeTruth(join(folder, 'true'));
  const path = join(folder, 'tiny.json');
  await writeFile(path, JSON.stringify({ ...tinyTestbed(), ...change }));
  return path;
}

export function tinyTestbed() {
  return {
    title: 'Tiny & quick',
    checkpoint: GOLDEN_CHECKPOINT,
    loras_folder: GOLDEN_LORAS,
    loras: LORAS.map(([id, category, trigger]) => ({
      id,
      category,
      triggers: [trigger],
      frequency_class: category === 'style' ? 'low' : 'high',
      fixes: category === 'character' ? { fur: 'brown' } : {},
      habits: category === 'style' ? { place: 'meadow' } : {},
    })),
    sets: { sizes: [2, 3] },
    tuning: { share: 0, seed: 1 },
    prompt: { prefix: '', negative: '' },
    picture: { steps: 2, guidance_scale: 4, sampler: 'ddim', width: SIDE, height: SIDE, lora_scale: 1 },
    first_seed: 100,
    groups: [{ name: 'headline', part: 'all', seeds: 2 }],
    methods: [
      { name: 'none', group: 'headline', loras: 'none' },
      { name: 'merge', group: 'headline', composition: { method: 'merge' } },
      { name: 'switch', group: 'headline', composition: { method: 'switch', tau: 1 } },
      { name: 'cmlora', group: 'headline', composition: { method: 'cmlora' }, reference: 'merge' },
    ],
    baseline: 'none',
    claims: { subject: 'cmlora', rivals: ['switch'], tuned: 'merge' },
    judges: { clip: 'clip', concepts: 'concepts' },
    true_renderings: 'true',
  };
}

/** Logits that are each a random weighing of all pixels. */
async function writeConceptJudge(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const heads = [
    { name: 'concepts', count: LORAS.length },
    { name: 'slot_fur', count: 2 },
    { name: 'slot_place', count: 2 },
  ];
  const graph: Graph = {
    name: 'judge',
    inputs: [{ name: 'pictures', type: 'float32', dims: ['n', 3, SIDE, SIDE] }],
    outputs: heads.map(({ name, count }) => ({ name, type: 'float32', dims: ['n', count] })),
    initializers: heads.flatMap(({ name, count }, index) => [
      {
        name: `${name}.weight`,
        type: 'float32',
        dims: [count, 3, SIDE, SIDE],
        data: { kind: 'inline', bytes: new Uint8Array(randn(index + 1, [count, 3, SIDE, SIDE]).data.buffer) },
      },
      {
        name: `${name}.shape`,
        type: 'int64',
        dims: [2],
        data: { kind: 'inline', bytes: new Uint8Array(BigInt64Array.from([-1n, BigInt(count)]).buffer) },
      },
    ]),
    nodes: heads.flatMap(({ name }) => [
      {
        name: `${name}.conv`,
        operator: 'Conv',
        inputs: ['pictures', `${name}.weight`],
        outputs: [`${name}.planes`],
        attributes: { strides: [1, 1], pads: [0, 0, 0, 0] },
      },
      {
        name: `${name}.reshape`,
        operator: 'Reshape',
        inputs: [`${name}.planes`, `${name}.shape`],
        outputs: [name],
        attributes: {},
      },
    ]),
  };
  await writeFile(join(folder, 'model.onnx'), writeModel(graph));
  const labels = {
    input: { name: 'pictures', layout: ['n', 3, SIDE, SIDE], channels: 'rgb', range: [-1, 1] },
    concepts: LORAS.map(([name]) => ({ name, threshold: 0.5 })),
    slots: {
      fur: { output: 'slot_fur', values: ['brown', 'white'] },
      place: { output: 'slot_place', values: ['meadow', 'night'] },
    },
  };
  await writeFile(join(folder, 'labels.json'), JSON.stringify(labels));
}

/** Two pictures of noise for each set, side by side. */
async function writeTruth(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [index, set] of SETS.entries()) {
    const noise = randn(1000 + index, [SIDE, 2 * SIDE, 3]).data;
    const pixels = Uint8Array.from(noise, (value) => Math.min(255, Math.max(0, 128 + 50 * value)));
    const strip = sharp(pixels, { raw: { width: 2 * SIDE, height: SIDE, channels: 3 } });
    await strip.webp({ lossless: true }).toFile(join(folder, `${set}.webp`));
  }
}
