import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Gateway, openGateway } from '../../src/main/open-gateway.ts';
import { SILENT, startTestRedis, type TestRedis } from '../support/redis.ts';
import { testSettings } from '../support/test-service.ts';

/** A gateway stops in a time of its own, whatever its clients do. */

let folder: string;
let redis: TestRedis;
let gateway: Gateway;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-stop-'));
  redis = await startTestRedis();
  gateway = await openGateway({ ...testSettings(folder), redisUrl: redis.url }, SILENT);
});

afterEach(async () => {
  await redis?.close();
  await rm(folder, { recursive: true, force: true });
});

test('a client that connects and says nothing holds up no stop', async () => {
  const { hostname, port } = new URL(gateway.httpUrl);
  const silent = connect(Number(port), hostname);
  await once(silent, 'connect');
  const start = performance.now();

  await Promise.all([gateway.close(), once(silent, 'close')]);

  expect(performance.now() - start).toBeLessThan(5_000);
});
