/**
 * `npm run soak -- --minutes N [--live 4] [--json]`: a gateway, a worker with its engine and a Redis under small jobs with random
 * LoRAs, one or two each of 50, through an engine that holds ten. Memory of each process is looked at again and again, and the picture
 * of a request with no LoRA is made at the start and at the end. Ends with one line of JSON:
 *
 *   jobs, failed   finished, and of those not completed
 *   loras          files that were used, and how many the engine's room holds
 *   base           whether the picture with no LoRA is the same file at the end as at the start
 *   memory         for each process, MiB: after the settling time, at the end, the most; `drift_percent` from the median of the first
 *                  quarter after the settling time to that of the last
 *   samples        MiB over time, at most 60 of them
 */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { parseSettings } from '../../dist/config/settings.js';
import { startPrivateRedis } from '../../dist/main/private-redis.js';
import { createLogger } from '../../dist/telemetry/logger.js';
import { engineOf, freePort, isReady, keepRunning, residentMib, until } from '../support/programs.mjs';

const GOLDEN = join(import.meta.dirname, '../golden');
const LORA_FILE = join(GOLDEN, 'loras/peft-attention-r8.safetensors');
const LORA_COUNT = 50;
/** What the engine may hold in MiB, and how many of these LoRAs, of 0.6 MiB in float32, that is. */
const ROOM = { mib: 6, loras: 10 };
/** As much of the run, and at most ten minutes, is what caches and heaps take to fill. */
const SETTLING = { share: 0.25, mostMs: 600_000 };
const SAMPLES_SHOWN = 60;
const BASE_REQUEST = { prompt: 'a harbour in fog', width: 64, height: 64, steps: 4, seed: 7 };

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '120' },
    live: { type: 'string', default: '4' },
    json: { type: 'boolean', default: false },
  },
});
const durationMs = Number(values.minutes) * 60_000;
const say = (text) => (values.json ? process.stderr : process.stdout).write(`${text}\n`);

const data = mkdtempSync(join(tmpdir(), 'overtone-soak-'));
try {
  const report = await soak();
  process.stdout.write(`${JSON.stringify(report)}\n`);
  process.exitCode = report.failed === 0 && report.base === 'same' ? 0 : 1;
} finally {
  rmSync(data, { recursive: true, force: true });
}
process.exit();

async function soak() {
  const loras = writeLoras(join(data, 'loras'));
  const logger = createLogger({ program: 'soak', level: 'error' });
  const redis = await startPrivateRedis({ directory: join(data, 'redis-data'), logger });
  const port = await freePort();
  const settings = parseSettings(
    {
      OVERTONE_DATA: data,
      OVERTONE_MODEL: join(GOLDEN, 'checkpoint'),
      OVERTONE_LORAS: join(data, 'loras'),
      OVERTONE_LORA_MEMORY: String(ROOM.mib),
      OVERTONE_HTTP_PORT: String(port),
      OVERTONE_GRPC_PORT: '0',
      OVERTONE_THREADS: '1',
      OVERTONE_PROFILES: 'off',
      // Results pile up in Redis for as long as they can be read: here, not longer than the settling takes.
      OVERTONE_RESULT_LIFETIME: '60',
      OVERTONE_LOG_LEVEL: 'error',
      REDIS_URL: redis.url,
    },
    [],
  );
  const worker = keepRunning('worker', settings);
  const gateway = keepRunning('gateway', settings);
  const httpUrl = `http://127.0.0.1:${port}`;
  try {
    await until('the service is ready', () => isReady(httpUrl));
    const base = await generate(httpUrl, BASE_REQUEST);
    const start = Date.now();
    const counts = { jobs: 0, failed: 0 };
    const used = new Set();
    const samples = [];
    let isOver = false;
    const sampling = (async () => {
      const everyMs = Math.max(500, durationMs / 480);
      for (; !isOver; await delay(everyMs)) {
        const processes = {
          gateway: gateway.pid(),
          worker: worker.pid(),
          engine: engineOf(worker.pid()),
          redis: redis.pid(),
        };
        const memory = Object.fromEntries(Object.entries(processes).map(([name, pid]) => [name, residentMib(pid)]));
        samples.push({ seconds: Math.round((Date.now() - start) / 1000), ...memory });
      }
    })();
    const client = async (first) => {
      for (let turn = first; Date.now() - start < durationMs; turn += Number(values.live)) {
        const request = randomRequest(loras, turn);
        for (const { id } of request.loras) used.add(id);
        const sha256 = await generate(httpUrl, request);
        counts.jobs += 1;
        if (sha256 === undefined) counts.failed += 1;
        if (counts.jobs % 100 === 0) say(`${counts.jobs} jobs, ${JSON.stringify(samples.at(-1))}`);
      }
    };
    await Promise.all(Array.from({ length: Number(values.live) }, (_, first) => client(first)));
    isOver = true;
    await sampling;
    const after = await generate(httpUrl, BASE_REQUEST);
    return {
      minutes: Number(((Date.now() - start) / 60_000).toFixed(2)),
      ...counts,
      restarts: worker.starts + gateway.starts - 2,
      loras: { used: used.size, room: ROOM.loras },
      base: base !== undefined && base === after ? 'same' : `${base} became ${after}`,
      memory: summarize(samples),
      samples: thinned(samples),
    };
  } finally {
    await Promise.all([worker.stop(), gateway.stop()]);
    await redis.close();
  }
}

/** The sha256 of the picture's file; undefined where it was not completed. */
async function generate(httpUrl, request) {
  const response = await fetch(`${httpUrl}/v1/generations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: 'wait=60' },
    body: JSON.stringify(request),
  });
  const body = await response.json();
  if (response.status !== 201 || body.status !== 'completed') {
    say(`not completed: ${response.status} ${body.code ?? body.error?.code ?? body.status}`);
    return undefined;
  }
  const file = await fetch(`${httpUrl}${body.urls.images}/0`);
  return createHash('sha256')
    .update(Buffer.from(await file.arrayBuffer()))
    .digest('hex');
}

function randomRequest(loras, turn) {
  const count = 1 + (turn % 2);
  const chosen = Array.from(
    { length: count },
    (_, index) => loras[(Math.floor(Math.random() * loras.length) + index * 7) % loras.length],
  );
  return {
    ...{ prompt: `a harbour, number ${turn}`, width: 64, height: 64, steps: 3 + (turn % 3), seed: turn },
    loras: [...new Set(chosen)].map((id) => ({ id, weight: Math.round(100 * Math.random()) / 100 })),
    composition: { method: count === 1 ? 'merge' : ['merge', 'switch', 'cmlora'][turn % 3] },
  };
}

/** Files that differ in their weights, by the lowest bits alone: as many LoRAs as wanted, all of them good. */
function writeLoras(folder) {
  mkdirSync(folder);
  const file = readFileSync(LORA_FILE);
  const headerLength = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + headerLength).toString());
  return Array.from({ length: LORA_COUNT }, (_, variant) => {
    const changed = Buffer.from(file);
    for (const [name, { dtype, data_offsets: offsets }] of Object.entries(header)) {
      if (name === '__metadata__') continue;
      const width = dtype === 'F32' ? 4 : 2;
      for (let at = offsets[0]; at < offsets[1]; at += width) changed[8 + headerLength + at] ^= variant & 0x7f;
    }
    const id = `variant-${String(variant).padStart(2, '0')}`;
    writeFileSync(join(folder, `${id}.safetensors`), changed);
    return id;
  });
}

function summarize(samples) {
  const settled = Math.min(durationMs * SETTLING.share, SETTLING.mostMs) / 1000;
  const counted = samples.filter(({ seconds }) => seconds >= settled);
  const quarter = Math.max(1, Math.floor(counted.length / 4));
  return Object.fromEntries(
    ['gateway', 'worker', 'engine', 'redis'].map((name) => {
      const values = counted.map((sample) => sample[name]).filter((mib) => mib !== undefined);
      const [early, late] = [median(values.slice(0, quarter)), median(values.slice(-quarter))];
      const rounded = Object.fromEntries(
        Object.entries({ settled: values[0], end: values.at(-1), most: Math.max(...values) }).map(([key, mib]) => [
          key,
          Math.round(mib),
        ]),
      );
      return [name, { ...rounded, drift_percent: Number(((100 * (late - early)) / early).toFixed(1)) }];
    }),
  );
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function thinned(samples) {
  const every = Math.ceil(samples.length / SAMPLES_SHOWN);
  return samples
    .filter((_, index) => index % every === 0)
    .map((sample) => Object.fromEntries(Object.entries(sample).map(([name, value]) => [name, Math.round(value)])));
}
