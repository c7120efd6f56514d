/**
 * Seconds of single passes of the U-Net at 512x512, through the engine's port, in a process of its own. Every pass runs twice and the
 * second counts: the first also loads its graph and fills the runtime's pools.
 *
 *   node test/real-size/measure-passes.mjs CHECKPOINT LORAS
 *
 * Prints one JSON line: [{ pass, rows, seconds, cpuSeconds }]. The seconds of the processor stay true while others use the machine.
 */

import { openEngine } from '../../dist/engine/open-engine.js';
import { createLogger } from '../../dist/telemetry/logger.js';

const [checkpoint, loras] = process.argv.slice(2);
const logger = createLogger({ program: 'real-size', level: 'warn' });
const engine = await openEngine({ checkpoint, loras, device: 'cpu', logger });

const CELLS = 64;
const CUTS = { outer: { level: 0, layers: 1 }, '{0,3}': { level: 0, layers: 3 } };
const never = new AbortController().signal;

/** Any numbers do: the time of a pass does not depend on them. */
const wave = (dims) => ({
  dims,
  data: Float32Array.from({ length: dims.reduce((a, b) => a * b) }, (_, i) => Math.sin(i)),
});
const row = {
  latent: wave([1, engine.model.latentChannels, CELLS, CELLS]),
  timestep: 500,
  text: wave([1, 77, 768]),
  adapters: [],
};

async function time(pass, rows) {
  await engine.predict(rows, never);
  const [start, cpuStart] = [performance.now(), process.cpuUsage()];
  await engine.predict(rows, never);
  const { user, system } = process.cpuUsage(cpuStart);
  return { pass, rows: rows.length, seconds: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6 };
}

const cached = (mode, cut, count) =>
  Array.from({ length: count }, (_, index) => ({ ...row, cache: { mode, cut, key: `${index}` } }));
const results = [];
for (const count of [1, 2]) {
  results.push(await time('full', Array(count).fill(row)));
  for (const [name, cut] of Object.entries(CUTS)) {
    await engine.predict(cached('refresh', cut, count), never);
    results.push(await time(`reuse at ${name}`, cached('reuse', cut, count)));
  }
}
console.log(JSON.stringify(results));
await engine.close();
process.exit(0);
