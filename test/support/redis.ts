import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { connectRedis } from '../../src/main/connect-redis.ts';
import { startPrivateRedis } from '../../src/main/private-redis.ts';

/** A real Redis of a test's own, with everything that was connected to it closed at the end. */
export interface TestRedis {
  readonly url: string;
  readonly pid: () => number | undefined;
  connect(use?: 'patient' | 'prompt'): Redis;
  close(): Promise<void>;
}

export const SILENT = pino({ level: 'silent' });

export async function startTestRedis(): Promise<TestRedis> {
  const directory = await mkdtemp(join(tmpdir(), 'overtone-redis-'));
  const redis = await startPrivateRedis({ directory, logger: SILENT });
  const connections: Redis[] = [];
  return {
    url: redis.url,
    pid: redis.pid,
    connect(use = 'patient') {
      const connection = connectRedis({ url: redis.url, use, logger: SILENT });
      connections.push(connection);
      return connection;
    },
    async close() {
      for (const connection of connections) connection.disconnect();
      await redis.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
