/**
 * Writes every graph of a checkpoint as an .onnx file into the checkpoint's own folder, where its external data resolves. For
 * test/golden/check_graphs.py, and for looking at a graph in a viewer.
 *
 *   npm run build && node test/support/write-graphs.mjs CHECKPOINT
 *
 * Prints one JSON line that names them and what they take, so that a reader in another language needs to know nothing else.
 */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const { readCheckpoint } = await import('../../dist/files/checkpoint-folder.js');
const { compileTextEncoder } = await import('../../dist/compiler/models/clip-text.js');
const { compileUnet, featureOutput } = await import('../../dist/compiler/models/unet.js');
const { compileVaeDecoder } = await import('../../dist/compiler/models/vae-decoder.js');
const { compileVaeEncoder } = await import('../../dist/compiler/models/vae-encoder.js');

const checkpoint = await readCheckpoint(process.argv[2]);
const { levels, layersPerBlock } = checkpoint.unet.config;
const cuts = levels.flatMap((_, level) =>
  Array.from({ length: layersPerBlock + 1 }, (_, index) => ({ level, layers: index + 1 })),
);

const graphs = {
  'text-encoder': compileTextEncoder(checkpoint),
  'unet-full': compileUnet(checkpoint, { kind: 'full', cuts }),
  'vae-decoder': compileVaeDecoder(checkpoint),
  'vae-encoder': compileVaeEncoder(checkpoint),
};
for (const cut of cuts) graphs[`unet-reuse-${featureOutput(cut)}`] = compileUnet(checkpoint, { kind: 'reuse', cut });

const described = {};
for (const [name, { bytes, loraTargets }] of Object.entries(graphs)) {
  const path = join(checkpoint.directory, `${name}.onnx`);
  await writeFile(path, bytes);
  described[name] = { path, bytes: bytes.length, loraTargets };
}
console.log(JSON.stringify(described));
