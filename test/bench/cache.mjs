/**
 * `npm run bench -- cache`: what caching saves and what it costs. For settings of `cmlora` on sets of four LoRAs of the default model: the
 * planned cost of a step in full passes (a full pass is the model run on both guidance halves, which is what one merged LoRA costs),
 * the seconds of a picture, and how far the picture is from the one by the same settings with nothing cached, at the same seed. A
 * distance tells how much staleness shows, not which picture is better.
 *
 * With `--sets N`, N sets (default 6); with `--json`, one JSON line a row; with `--only WORD`, the settings whose name holds it.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseGenerationRequest } from '../../dist/contract/generation-request.js';
import { openEngine } from '../../dist/engine/open-engine.js';
import { openLoraFolder } from '../../dist/files/lora-folder.js';
import { DEFAULT_MODEL } from '../../dist/main/default-model.js';
import { describePlan } from '../../dist/pipeline/describe-plan.js';
import { generate } from '../../dist/pipeline/generate.js';
import { resolveRequest } from '../../dist/pipeline/resolve-request.js';
import { createLogger } from '../../dist/telemetry/logger.js';

const STEPS = 25;
const LORAS_IN_A_SET = 4;

const { values: flags } = parseArgs({
  options: { sets: { type: 'string', default: '6' }, json: { type: 'boolean' }, only: { type: 'string' } },
  // The word that called it.
  allowPositionals: true,
});

const { checkpoint, loras: folder } = DEFAULT_MODEL;
const engine = await openEngine({
  checkpoint,
  loras: folder,
  device: 'cpu',
  logger: createLogger({ program: 'bench', level: 'error' }),
});
const catalogFolder = openLoraFolder(folder);
const catalog = { inspect: (id) => catalogFolder.inspect(id, engine.model.loraTargets) };
const sets = setsOf(Number(flags.sets));
const uncached = new Map();

if (!flags.json) console.log(`${'settings'.padEnd(44)}passes/step  seconds     dB  worst`);
for (const [name, options] of settings().filter(([name]) => flags.only === undefined || name.includes(flags.only))) {
  const rows = [];
  for (const set of sets) {
    const twin = await pictureOf(set, { ...options, cut: 'none' }, uncached);
    const { pixels, seconds, cost } = await pictureOf(set, options);
    rows.push({ seconds, cost, psnr: psnr(pixels, twin.pixels) });
  }
  const row = {
    name,
    passes: mean(rows.map(({ cost }) => cost)),
    seconds: Math.min(...rows.map(({ seconds }) => seconds)),
    psnr: mean(rows.map((each) => each.psnr)),
    worst: Math.min(...rows.map((each) => each.psnr)),
  };
  const { passes, seconds } = row;
  console.log(
    flags.json
      ? JSON.stringify(row)
      : `${name.padEnd(44)}${passes.toFixed(2).padStart(11)}${seconds.toFixed(2).padStart(9)}${row.psnr.toFixed(1).padStart(7)}${row.worst.toFixed(1).padStart(7)}`,
  );
}
await engine.close();

/** The presets, what the cost and the staleness of two of them come from, and these two as the specification's B.7 began with them. */
function settings() {
  const first = (more) => ({ weights: { initial: 'n_minus_half' }, ...more });
  const fast = (more) => ({ preset: 'fast', ...more });
  return [
    ['quality', {}],
    ['quality, forecast', { cache: 'forecast' }],
    ['quality, delta', { cache: 'delta' }],
    ['quality, ages up to 3', { refresh: { max_age: 3, warm_up: 2 } }],
    ['quality, all layers of level 0', { cut: { level: 0, layers: 2 } }],
    ['quality, n_minus_half', { weights: { initial: 'n_minus_half' } }],
    ['quality, per_lora', { uncond: 'per_lora' }],
    ['fast', fast()],
    ['fast, forecast', fast({ cache: 'forecast' })],
    ['fast, warm-up 3', fast({ refresh: { warm_up: 3 } })],
    ['fast, on_turn', fast({ refresh: { policy: 'on_turn' } })],
    ['fast, on_turn, forecast', fast({ refresh: { policy: 'on_turn' }, cache: 'forecast' })],
    ['fast, per_lora', fast({ uncond: 'per_lora' })],
    ['reference', { preset: 'reference' }],
    ['quality at first', first({ cut: { level: 0, layers: 2 }, refresh: { max_age: 3, warm_up: 2 } })],
    ['fast at first', first({ preset: 'fast', cache: 'forecast', refresh: { policy: 'on_turn' } })],
  ];
}

/** Sets of one LoRA a category, round and round; each with a prompt of its triggers. */
function setsOf(count) {
  const described = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => ({ id: name.slice(0, -'.json'.length), ...JSON.parse(readFileSync(join(folder, name), 'utf8')) }));
  const byCategory = Map.groupBy?.(described, ({ category }) => category) ?? grouped(described);
  const categories = [...byCategory.values()];
  return Array.from({ length: count }, (_, index) => {
    const left = categories.filter((_, place) => place !== index % categories.length).slice(0, LORAS_IN_A_SET);
    const members = left.map((list) => list[index % list.length]);
    return {
      seed: 100 + index,
      prompt: members.flatMap(({ triggers }) => triggers).join(', '),
      loras: members.map(({ id, default_weight, frequency_class }) => ({
        id,
        weight: default_weight ?? 1,
        ...(['high', 'low'].includes(frequency_class) && { frequency_class }),
      })),
    };
  });
}

/** Node 20 has no Map.groupBy. */
function grouped(items) {
  const groups = new Map();
  for (const item of items) groups.set(item.category, [...(groups.get(item.category) ?? []), item]);
  return groups;
}

async function pictureOf({ seed, prompt, loras }, options, kept = new Map()) {
  const wanted = { prompt, seed, steps: STEPS, loras, composition: withoutUndefined({ method: 'cmlora', ...options }) };
  const resolved = await resolveRequest(parseGenerationRequest(wanted), engine.model, catalog, () => 1);
  // Of pictures with nothing cached, what says how caching goes changes nothing.
  const { preset: _, refresh: __, cache: ___, ...seen } = resolved.request.composition;
  const key = JSON.stringify([seed, loras, options.cut === 'none' ? seen : resolved.request.composition]);
  if (kept.has(key)) return kept.get(key);
  const start = performance.now();
  let pixels;
  const events = generate(resolved.request, engine.model, engine, new AbortController().signal, () =>
    performance.now(),
  );
  for await (const event of events) if (event.type === 'image') pixels = event.pixels;
  const picture = {
    pixels,
    seconds: (performance.now() - start) / 1000,
    cost: describePlan(resolved, engine.model).cost.full_passes / 2 / STEPS,
  };
  kept.set(key, picture);
  return picture;
}

function withoutUndefined(options) {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function psnr(one, other) {
  const error = one.reduce((sum, value, index) => sum + (value - other[index]) ** 2, 0) / one.length;
  return error === 0 ? 99 : 10 * Math.log10(255 ** 2 / error);
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
