/**
 * `npm run bench`: prints what the parts cost on this machine. Two tables: the pure core, whose steps the design says cost less than
 * a millisecond; and whole pictures by each method beside one merged LoRA in the same run, on the default checkpoint. Machines are
 * shared, so a row is the least of several runs taken in turn, and what is worth quoting is the ratio. `npm run bench -- cache` prints
 * what caching saves and what it costs (`cache.mjs`).
 */

import { readdirSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseGenerationRequest } from '../../dist/contract/generation-request.js';
import { fold } from '../../dist/core/composition/fold.js';
import { fft2d } from '../../dist/core/frequency/fft2d.js';
import { guide } from '../../dist/core/guidance/classifier-free.js';
import { randn } from '../../dist/core/random/torch-generator.js';
import { openEngine } from '../../dist/engine/open-engine.js';
import { openLoraFolder } from '../../dist/files/lora-folder.js';
import { DEFAULT_MODEL } from '../../dist/main/default-model.js';
import { generate } from '../../dist/pipeline/generate.js';
import { resolveRequest } from '../../dist/pipeline/resolve-request.js';
import { createLogger } from '../../dist/telemetry/logger.js';

const CORE_ROUNDS = 30;
const PICTURE_ROUNDS = 3;
const STEPS = 25;

console.log(`${cpus().length} x ${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.version}\n`);
if (process.argv[2] === 'cache') await import('./cache.mjs');
else {
  benchCore();
  await benchPictures();
}

/** On latents of Stable Diffusion 1.5 at 512x512. */
function benchCore() {
  const dims = [1, 4, 64, 64];
  const latents = Array.from({ length: 5 }, (_, seed) => randn(seed, dims));
  const [cond, uncond] = latents;
  const plane = { height: 64, width: 64, values: Float64Array.from(cond.data.subarray(0, 64 * 64)) };
  const weights = latents.map(() => 1 / latents.length);
  const rows = {
    'noise of one image': () => randn(7, dims),
    guidance: () => guide({ cond, uncond }, { scale: 7.5, rescale: 0 }),
    'fold of five predictions': () => fold(weights, latents),
    'spectrum of one channel': () => fft2d(plane),
  };
  console.log('core, latents [1, 4, 64, 64]          ms');
  for (const [name, work] of Object.entries(rows)) {
    const times = Array.from({ length: CORE_ROUNDS }, () => timed(work));
    console.log(
      `${name.padEnd(34)}${Math.min(...times)
        .toFixed(2)
        .padStart(6)}`,
    );
  }
}

async function benchPictures() {
  const { checkpoint, loras } = DEFAULT_MODEL;
  const engine = await openEngine({
    checkpoint,
    loras,
    device: 'cpu',
    logger: createLogger({ program: 'bench', level: 'error' }),
  });
  const ids = readdirSync(loras)
    .filter((name) => name.endsWith('.safetensors'))
    .map((name) => name.slice(0, -'.safetensors'.length));
  const four = ids.slice(0, 4);
  const jobs = [
    ['merge, 1 LoRA (the peer)', ids.slice(0, 1), { method: 'merge' }],
    ['merge, 4 LoRAs', four, { method: 'merge' }],
    ['switch, 4 LoRAs', four, { method: 'switch' }],
    ['composite, 4 LoRAs', four, { method: 'composite' }],
    ['cmlora quality, 4 LoRAs', four, { method: 'cmlora' }],
    ['cmlora fast, 4 LoRAs', four, { method: 'cmlora', preset: 'fast' }],
  ];
  const folder = openLoraFolder(loras);
  const catalog = { inspect: (id) => folder.inspect(id, engine.model.loraTargets) };
  const results = jobs.map(() => ({ seconds: Number.POSITIVE_INFINITY, passes: { full: 0, reuse: 0 } }));
  for (let round = 0; round <= PICTURE_ROUNDS; round++) {
    for (const [index, [, used, composition]] of jobs.entries()) {
      const wanted = {
        prompt: 'a small house by the sea',
        seed: 1,
        steps: STEPS,
        loras: used.map((id) => ({ id, weight: 0.8 })),
        composition,
      };
      const { request } = await resolveRequest(parseGenerationRequest(wanted), engine.model, catalog, () => 1);
      const start = performance.now();
      const done = await lastEvent(
        generate(request, engine.model, engine, new AbortController().signal, () => performance.now()),
      );
      const seconds = (performance.now() - start) / 1000;
      // The first round loads graphs and LoRAs.
      if (round > 0) results[index] = { seconds: Math.min(seconds, results[index].seconds), passes: done.passes };
    }
  }
  const peer = results[0].seconds;
  const { width, height } = engine.model.defaults;
  console.log(`\n${engine.model.id}, ${width}x${height}, ${STEPS} steps    seconds   ratio   whole   cached rows`);
  for (const [index, { seconds, passes }] of results.entries()) {
    const ratio = (seconds / peer).toFixed(2);
    console.log(
      `${jobs[index][0].padEnd(30)}${seconds.toFixed(2).padStart(10)}${ratio.padStart(8)}${String(passes.full).padStart(8)}${String(passes.reuse).padStart(8)}`,
    );
  }
  await engine.close();
}

async function lastEvent(events) {
  let last;
  for await (const event of events) last = event;
  return last;
}

function timed(work) {
  const start = performance.now();
  work();
  return performance.now() - start;
}
