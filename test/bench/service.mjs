/**
 * `npm run bench:service [-- posts watchers overhead]`: what gateway and queue cost. Beside some figures stands the processor time behind
 * them, because on a machine that is busy with something else the clock alone says little.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseSettings } from '../../dist/config/settings.js';
import { openEngine } from '../../dist/engine/open-engine.js';
import { connectRedis } from '../../dist/main/connect-redis.js';
import { startPrivateRedis } from '../../dist/main/private-redis.js';
import { createWorkerRegistry } from '../../dist/store/worker-registry.js';
import { createLogger } from '../../dist/telemetry/logger.js';
import { cpuSeconds, freePort, isReady, keepRunning, until } from '../support/programs.mjs';
import { benchCancel, benchOverhead } from './overhead.mjs';
import { benchPosts } from './posts.mjs';
import { benchWatchers } from './watchers.mjs';

const GOLDEN = join(import.meta.dirname, '../golden');
const WATCHED_S = 15;
const logger = createLogger({ program: 'bench', level: 'error' });
const PARTS = { posts, watchers, overhead };

const asked = process.argv.slice(2);
for (const [name, bench] of Object.entries(PARTS)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const model = cpus()[0]?.model.trim();
  console.log(`${cpus().length} x ${model}, Node ${process.version}, load ${loadavg()[0].toFixed(1)}`);
  await withGateway(name === 'overhead', bench);
  console.log('');
}
process.exit();

async function posts({ port, gateway, redis }) {
  console.log('one gateway, 32 connections   accepted/s   gateway ms each   Redis ms each');
  for (const row of await benchPosts({ port, gatewayPid: gateway.pid(), redisPid: redis.pid() })) {
    const [rate, gatewayMs, redisMs] = [String(row.posts), row.gatewayMs.toFixed(3), row.redisMs.toFixed(3)];
    console.log(`${row.name.padEnd(30)}${rate.padStart(10)}${gatewayMs.padStart(18)}${redisMs.padStart(16)}`);
  }
}

async function watchers({ httpUrl, port, connection, gateway }) {
  const admit = async (seed) => {
    const response = await fetch(`${httpUrl}/v1/generations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ prompt: 'watched', seed }),
    });
    return (await response.json()).id;
  };
  const before = cpuSeconds(gateway.pid());
  const found = await benchWatchers({ port, connection, admit, seconds: WATCHED_S });
  const share = (cpuSeconds(gateway.pid()) - before) / WATCHED_S;
  const { perSecond, expected, missing, disordered, latency } = found;
  console.log(
    `200 watchers: ${perSecond} events/s, ${expected} in all, ${missing} missing, ${disordered} out of order`,
  );
  console.log(`  ${milliseconds(latency)}; the gateway took ${share.toFixed(2)} of a core`);
}

async function overhead({ httpUrl }) {
  console.log(`on top of the engine's own time: ${milliseconds(await benchOverhead(httpUrl))}`);
  const { step, overrun } = await benchCancel(httpUrl);
  console.log(`a step: ${milliseconds(step)}; a cancel, beyond one step: ${milliseconds(overrun)}`);
}

/** Redis, a gateway, and a worker: a real one, or only what one would say of itself. */
async function withGateway(isReal, bench) {
  const data = mkdtempSync(join(tmpdir(), 'overtone-bench-'));
  const redis = await startPrivateRedis({ directory: join(data, 'redis-data'), logger });
  const connection = connectRedis({ url: redis.url, use: 'patient', logger });
  const port = await freePort();
  const settings = settingsFor({ OVERTONE_DATA: data, OVERTONE_HTTP_PORT: String(port), REDIS_URL: redis.url });
  const worker = isReal ? keepRunning('worker', settings) : undefined;
  const stopReporting = isReal ? () => {} : await reportWorker(connection);
  const gateway = keepRunning('gateway', settings);
  const httpUrl = `http://127.0.0.1:${port}`;
  try {
    await until('the service is ready', () => isReady(httpUrl));
    await bench({ httpUrl, port, gateway, redis, connection });
  } finally {
    stopReporting();
    await Promise.all([gateway.stop(), worker?.stop()]);
    connection.disconnect();
    await redis.close();
    rmSync(data, { recursive: true, force: true });
  }
}

/** Says again and again what a worker with the golden checkpoint would say, without being one. */
async function reportWorker(connection) {
  const checkpoint = join(GOLDEN, 'checkpoint');
  const engine = await openEngine({ checkpoint, loras: join(GOLDEN, 'loras'), device: 'cpu', threads: 1, logger });
  const descriptor = engine.model;
  await engine.close();
  const registry = createWorkerRegistry(connection, Date.now);
  const report = () =>
    registry.report({ worker: 'bench', model: descriptor.id, device: 'cpu', state: 'ready', descriptor });
  await report();
  const timer = setInterval(report, 2000);
  return () => clearInterval(timer);
}

function settingsFor(env) {
  return parseSettings(
    {
      OVERTONE_MODEL: join(GOLDEN, 'checkpoint'),
      OVERTONE_LORAS: join(GOLDEN, 'loras'),
      OVERTONE_GRPC_PORT: '0',
      OVERTONE_LOG_LEVEL: 'warn',
      OVERTONE_PROFILES: 'off',
      OVERTONE_MAX_WAITING: '1000000',
      OVERTONE_MAX_OUTSTANDING: '900000',
      ...env,
    },
    [],
  );
}

function milliseconds({ p50, p99, most }) {
  return `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, most ${most.toFixed(1)} ms`;
}
