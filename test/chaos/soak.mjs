/**
 * `npm run soak -- --minutes N [--jobs N] [--json]`: a gateway, a worker with its engine and a Redis under small jobs, spread evenly
 * over the minutes, with one or two each of 50 LoRAs, through an engine that holds ten. Memory of each process is looked at again and
 * again, and the picture of a request with no LoRA is made at the start and at the end. Every minute a line of JSON goes to standard
 * error; SIGTERM ends the run early with what it has. Ends with one line of JSON:
 *
 *   jobs, failed   finished, and of those not completed
 *   loras          files that were used, how many the engine's room holds, and from its metrics: hits, misses, evictions, MiB held
 *   base           whether the picture with no LoRA is the same file at the end as at the start
 *   memory         for each process, resident MiB after the settling time: medians of equal windows; `drift_percent` from the first
 *                  window to the last, `deviation_percent` of the window that is furthest from the first, `mib_an_hour` (Theil-Sen)
 *   samples        MiB over time, at most 60 of them: resident, and beside it what V8 says of heap, external and array buffers
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
/** In how many windows the rest of the run is compared. */
const WINDOWS = 10;
const SAMPLES_SHOWN = 60;
/** How often the run says how it goes; and how old what a gateway prints of an engine may be. */
const TELL_MS = 60_000;
const METRICS_MS = 6000;
const MEMORY_REPORTER = join(import.meta.dirname, '../support/report-memory.mjs');
/** Unless `--jobs` says otherwise: 5,000 jobs in two hours. */
const JOBS_A_MINUTE = 5000 / 120;
/** Most jobs under way at once; where the machine cannot keep up, the run takes longer. */
const LIVE = 4;
const BASE_REQUEST = { prompt: 'a harbour in fog', width: 64, height: 64, steps: 4, seed: 7 };

const PROCESSES = ['gateway', 'worker', 'engine', 'redis'];

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '120' },
    jobs: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const durationMs = Number(values.minutes) * 60_000;
const jobCount = Number(values.jobs ?? Math.ceil(Number(values.minutes) * JOBS_A_MINUTE));
const say = (text) => (values.json ? process.stderr : process.stdout).write(`${text}\n`);

const stopped = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => stopped.abort());

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
  // Both for what V8 says of each process: the engine is a grandchild, which only the environment reaches.
  process.env.MEMORY_REPORTS = data;
  process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} --import=${MEMORY_REPORTER}`;
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
  const counts = { jobs: 0, failed: 0 };
  const used = new Set();
  const samples = [];
  let start = Date.now();

  const look = () => {
    const pids = [gateway.pid(), worker.pid(), engineOf(worker.pid()), redis.pid()];
    const memory = PROCESSES.map((name, index) => [name, memoryOf(pids[index])]);
    samples.push({ seconds: Math.round((Date.now() - start) / 1000), ...Object.fromEntries(memory) });
  };
  const tell = async () =>
    say(JSON.stringify({ ...counts, loras: await readLoraCache(httpUrl), ...samples.map(rounded).at(-1) }));
  const client = async (first) => {
    for (let turn = first; turn < jobCount && !stopped.signal.aborted; turn += LIVE) {
      await pause(start + (turn * durationMs) / jobCount - Date.now());
      const request = requestOf(loras, turn);
      for (const { id } of request.loras) used.add(id);
      const sha256 = await generate(httpUrl, request);
      counts.jobs += 1;
      if (sha256 === undefined) counts.failed += 1;
    }
  };

  try {
    await until('the service is ready', () => isReady(httpUrl));
    const base = await generate(httpUrl, BASE_REQUEST);
    start = Date.now();
    const looking = setInterval(look, Math.max(500, durationMs / 720));
    const telling = setInterval(() => void tell().catch(() => {}), TELL_MS);
    await Promise.all(Array.from({ length: LIVE }, (_, first) => client(first)));
    clearInterval(looking);
    clearInterval(telling);
    look();
    const after = await generate(httpUrl, BASE_REQUEST);
    const minutes = Number(((Date.now() - start) / 60_000).toFixed(2));
    await delay(METRICS_MS);
    return {
      minutes,
      ...(stopped.signal.aborted && { stopped: true }),
      ...counts,
      restarts: worker.starts + gateway.starts - 2,
      loras: { used: used.size, room: ROOM.loras, ...(await readLoraCache(httpUrl)) },
      base: base !== undefined && base === after ? 'same' : `${base} became ${after}`,
      memory: summarize(samples),
      samples: thinned(samples),
    };
  } finally {
    await Promise.all([worker.stop(), gateway.stop()]);
    await redis.close();
  }
}

/** Over before its time where the run is stopped. */
async function pause(ms) {
  if (ms > 0) await delay(ms, undefined, { signal: stopped.signal }).catch(() => {});
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

/** Its first LoRA is dealt, so that every one has its turn; the second may be any, and so now and then one that is still there. */
function requestOf(loras, turn) {
  const count = 1 + (turn % 2);
  const chosen = [loras[(turn * 7) % loras.length], loras[Math.floor(Math.random() * loras.length)]];
  return {
    ...{ prompt: `a harbour, number ${turn}`, width: 64, height: 64, steps: 3 + (turn % 3), seed: turn },
    loras: [...new Set(chosen.slice(0, count))].map((id) => ({ id, weight: Math.round(100 * Math.random()) / 100 })),
    composition: { method: count === 1 ? 'merge' : ['merge', 'switch', 'cmlora'][turn % 3] },
  };
}

/** What the engine has counted, as the gateway prints it; a few seconds old. */
async function readLoraCache(httpUrl) {
  const page = await (await fetch(`${httpUrl}/metrics`)).text();
  const sampleOf = (series) => {
    const line = page.split('\n').find((text) => text.startsWith(`overtone_lora_cache_${series}`));
    return Number(line?.split(' ').at(-1) ?? 0);
  };
  return {
    hits: sampleOf('requests_total{outcome="hit"'),
    misses: sampleOf('requests_total{outcome="miss"'),
    evictions: sampleOf('evictions_total'),
    mib: Number((sampleOf('bytes') / 2 ** 20).toFixed(1)),
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

/** MiB: resident, as the system counts it, and what V8 says, where the process has written it. Undefined where it is not there. */
function memoryOf(pid) {
  const resident = residentMib(pid);
  if (resident === undefined) return undefined;
  try {
    const { heapUsed, heapTotal, external, arrayBuffers } = JSON.parse(readFileSync(join(data, `${pid}.json`), 'utf8'));
    const said = Object.entries({ heapUsed, heapTotal, external, arrayBuffers }).map(([name, bytes]) => [
      name,
      bytes / 2 ** 20,
    ]);
    return { resident, ...Object.fromEntries(said) };
  } catch {
    return { resident };
  }
}

function summarize(samples) {
  const settledS = Math.min(durationMs * SETTLING.share, SETTLING.mostMs) / 1000;
  return Object.fromEntries(
    PROCESSES.map((name) => {
      const points = samples
        .filter((sample) => sample.seconds >= settledS && sample[name] !== undefined)
        .map((sample) => ({ hours: sample.seconds / 3600, mib: sample[name].resident }));
      const width = Math.max(1, points.length / WINDOWS);
      const windows = Array.from({ length: Math.min(WINDOWS, points.length) }, (_, index) =>
        median(points.slice(Math.floor(index * width), Math.floor((index + 1) * width)).map(({ mib }) => mib)),
      );
      const percents = windows.map((mib) => 100 * (mib / windows[0] - 1));
      return [
        name,
        {
          windows: windows.map((mib) => Number(mib.toFixed(1))),
          most: Number(Math.max(...points.map(({ mib }) => mib)).toFixed(1)),
          drift_percent: Number(percents.at(-1)?.toFixed(1)),
          deviation_percent: Number(
            percents
              .toSorted((a, b) => Math.abs(a) - Math.abs(b))
              .at(-1)
              ?.toFixed(1),
          ),
          mib_an_hour: Number(slopeOf(points).toFixed(1)),
        },
      ];
    }),
  );
}

/** Theil-Sen: the median of the slopes between points; what a few outliers say does not count. */
function slopeOf(points) {
  const half = Math.floor(points.length / 2);
  return median(points.slice(half).map(({ hours, mib }, at) => (mib - points[at].mib) / (hours - points[at].hours)));
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function thinned(samples) {
  const every = Math.ceil(samples.length / SAMPLES_SHOWN);
  return samples.filter((_, index) => index % every === 0).map(rounded);
}

function rounded(sample) {
  const memory = PROCESSES.filter((name) => sample[name] !== undefined).map((name) => [
    name,
    Object.fromEntries(Object.entries(sample[name]).map(([key, mib]) => [key, Math.round(mib)])),
  ]);
  return { seconds: sample.seconds, ...Object.fromEntries(memory) };
}
