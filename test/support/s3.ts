import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import S3rver from 's3rver';
import type { BlobSettings } from '../../src/store/open-blob-store.ts';

/** A server of S3's protocol with one bucket, on loopback. It can go away and come back with what it held. */
export interface TestS3 {
  readonly settings: Pick<BlobSettings, 'blobs' | 's3Endpoint' | 's3Region'>;
  /** Every request so far, as `GET /bucket/key`. */
  readonly requests: readonly string[];
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

const BUCKET = 'overtone-test';

export async function startTestS3(): Promise<TestS3> {
  // s3rver's own pair; workers that a test starts inherit it.
  Object.assign(process.env, {
    AWS_ACCESS_KEY_ID: 'S3RVER',
    AWS_SECRET_ACCESS_KEY: 'S3RVER',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  });
  const directory = await mkdtemp(join(tmpdir(), 'overtone-s3-'));
  const requests: string[] = [];
  let port = 0;
  let server: S3rver;
  const start = async () => {
    const configureBuckets = [{ name: BUCKET, configs: [] }];
    server = new S3rver({ address: '127.0.0.1', port, directory, silent: true, configureBuckets });
    ({ port } = await server.run());
    server.httpServer.on('request', ({ method, url }) => requests.push(`${method} ${url?.split('?')[0]}`));
  };
  const stop = async () => {
    const closed = once(server.httpServer, 'close');
    server.httpServer.close();
    server.httpServer.closeAllConnections();
    await closed;
  };
  await start();
  return {
    settings: { blobs: `s3://${BUCKET}/here`, s3Endpoint: `http://127.0.0.1:${port}`, s3Region: 'us-east-1' },
    requests,
    stop,
    start,
    async close() {
      await stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
