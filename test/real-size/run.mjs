/**
 * The engine at real size: a random checkpoint as large as Stable Diffusion 1.5 (860 M parameters in its U-Net, F16), four random
 * LoRAs of rank 16, a picture of 512x512 in two steps by each method, through the engine's own program. Prints what it cost, then
 * what single passes cost, and fails where a target is missed. Takes minutes, 9 GB of memory and 2.1 GB of disk, so `npm test`
 * leaves it alone. For Linux, which counts a process' memory in /proc.
 *
 *   npm run real-size              in a temporary folder, which is removed
 *   npm run real-size -- FOLDER    in a folder that is kept, with the files of the last time
 */

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { parseGenerationRequest } from '../../dist/contract/generation-request.js';
import { openLoraFolder } from '../../dist/files/lora-folder.js';
import { resolveRequest } from '../../dist/pipeline/resolve-request.js';
import { startEngine } from './engine-program.mjs';
import { writeCheckpoint } from './write-checkpoint.mjs';
import { writeLoras } from './write-loras.mjs';

const GB = 1e9;
const METHODS = ['merge', 'cmlora'];
const REQUEST = { prompt: 'a lighthouse on a cliff', width: 512, height: 512, steps: 2, seed: 1 };

const given = process.argv[2];
const folder = given === undefined ? mkdtempSync(join(tmpdir(), 'overtone-real-size-')) : resolve(given);
try {
  await main(join(folder, 'checkpoint'), join(folder, 'loras'));
} finally {
  if (given === undefined) rmSync(folder, { recursive: true, force: true });
}

async function main(model, loras) {
  const seconds = await time(() => {
    if (!existsSync(model)) writeCheckpoint(model);
    if (!existsSync(loras)) writeLoras(loras, { count: 4, rank: 16 });
  });
  say(`${folder}: checkpoint and LoRAs are there after ${seconds.toFixed(1)} s`);
  say(`${availableParallelism()} cores of ${cpus()[0]?.model.trim()}, Node ${process.version}`);

  const filesBefore = [...listFiles(model), ...listFiles(loras)];
  const { startS, memory } = await measureEngine(model, loras);
  const strays = [...listFiles(model), ...listFiles(loras)].filter((file) => !filesBefore.includes(file));
  for (const { pass, rows, seconds, cpuSeconds } of await measurePasses(model, loras)) {
    const count = rows === 1 ? '1 row' : `${rows} rows`;
    say(`U-Net, ${pass}, ${count}: ${seconds.toFixed(2)} s, ${cpuSeconds.toFixed(2)} s of processor`);
  }

  const results = [
    check('start', { value: startS, limit: 45, unit: 's' }),
    check('peak of resident memory', { value: memory.peak / GB, limit: 9, unit: 'GB' }),
    check('resident memory after the pictures', { value: memory.now / GB, limit: 7, unit: 'GB' }),
    check('files written beside the checkpoint', { value: strays.length, limit: 0, unit: 'files' }),
  ];
  if (results.includes(false)) process.exitCode = 1;
}

/** Starts the engine, draws, stops it. Memory is what it holds after the last picture, and the most that it ever held. */
async function measureEngine(model, loras) {
  const start = performance.now();
  const elapsed = () => (performance.now() - start) / 1000;
  const engine = await startEngine({
    model,
    loras,
    onLoading: ({ part, done, total }) => say(`${elapsed().toFixed(1)} s: ${part} (${done} of ${total})`),
  });
  const startS = elapsed();
  try {
    sayMemory('ready', engine.memory());
    const folder = openLoraFolder(loras);
    const catalog = { inspect: (id) => folder.inspect(id, engine.model.loraTargets) };
    const ids = (await folder.list()).map(({ id }) => ({ id, weight: 0.8 }));
    for (const method of METHODS) {
      const body = parseGenerationRequest({ ...REQUEST, loras: ids, composition: { method } });
      const { request } = await resolveRequest(body, engine.model, catalog, () => 0);
      const { image, done } = await engine.generate(request);
      const stages = Object.entries(done.timings).map(
        ([name, ms]) => `${name.replace(/_ms$/, '')} ${(ms / 1000).toFixed(2)} s`,
      );
      const { full, reuse } = done.passes;
      say(`${method}: ${stages.join(', ')}; ${full} full and ${reuse} reuse passes; ${greyLevels(image)} grey levels`);
      sayMemory(`after ${method}`, engine.memory());
    }
    return { startS, memory: engine.memory() };
  } finally {
    await engine.close();
  }
}

async function measurePasses(model, loras) {
  const program = join(import.meta.dirname, 'measure-passes.mjs');
  const { stdout } = await promisify(execFile)(process.execPath, [program, model, loras]);
  return JSON.parse(stdout);
}

/** A picture of NaN would be of one colour. */
function greyLevels({ pixels }) {
  return new Set(pixels).size;
}

/** Every file with its size and time of change, so that one that was written over shows too. */
function listFiles(root) {
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).map((name) => {
    const { size, mtimeMs } = statSync(join(root, name));
    return `${name} ${size} ${mtimeMs}`;
  });
}

async function time(work) {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

function check(name, { value, limit, unit }) {
  const isMet = value <= limit;
  const number = Number.isInteger(value) ? value : value.toFixed(2);
  say(`${isMet ? 'met' : 'MISSED'}: ${name} is ${number} ${unit}; must be at most ${limit}`);
  return isMet;
}

function sayMemory(when, { peak, now, files }) {
  const gb = (bytes) => `${(bytes / GB).toFixed(2)} GB`;
  say(`memory ${when}: ${gb(now)} resident, ${gb(files)} of it mapped files; peak ${gb(peak)}`);
}

function say(text) {
  process.stdout.write(`${text}\n`);
}
