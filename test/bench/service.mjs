/**
 * `npm run bench:service`: what gateway and queue cost. Beside the figures stands the processor time behind them, because on a machine
 * that is busy with something else the clock alone says little.
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
import { freePort, isReady, keepRunning, until } from '../support/programs.mjs';
import { benchPosts } from './posts.mjs';

const GOLDEN = join(import.meta.dirname, '../golden');
const logger = createLogger({ program: 'bench', level: 'error' });
const data = mkdtempSync(join(tmpdir(), 'overtone-bench-'));

console.log(
  `${cpus().length} x ${cpus()[0]?.model.trim()}, Node ${process.version}, load ${loadavg()[0].toFixed(1)}\n`,
);
try {
  await posts();
} finally {
  rmSync(data, { recursive: true, force: true });
}

async function posts() {
  const redis = await startPrivateRedis({ directory: join(data, 'redis-data'), logger });
  const connection = connectRedis({ url: redis.url, use: 'patient', logger });
  const port = await freePort();
  const settings = settingsFor({ OVERTONE_HTTP_PORT: String(port), REDIS_URL: redis.url });
  const stopReporting = await reportWorker(connection);
  const gateway = keepRunning('gateway', settings);
  try {
    await until('the gateway is ready', () => isReady(`http://127.0.0.1:${port}`));
    console.log('one gateway, 32 connections   accepted/s   gateway ms each   Redis ms each');
    for (const row of await benchPosts({ port, gatewayPid: gateway.pid(), redisPid: redis.pid() })) {
      const { name, posts, gatewayMs, redisMs } = row;
      console.log(
        `${name.padEnd(30)}${String(posts).padStart(10)}${gatewayMs.toFixed(3).padStart(18)}${redisMs.toFixed(3).padStart(16)}`,
      );
    }
  } finally {
    await gateway.stop();
    stopReporting();
    connection.disconnect();
    await redis.close();
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
      OVERTONE_DATA: data,
      OVERTONE_LORAS: join(GOLDEN, 'loras'),
      OVERTONE_GRPC_PORT: '0',
      OVERTONE_LOG_LEVEL: 'warn',
      OVERTONE_MAX_WAITING: '1000000',
      OVERTONE_MAX_OUTSTANDING: '900000',
      ...env,
    },
    [],
  );
}
