import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestService, type TestService } from '../support/test-service.ts';

/** The health checks of the containers, beside real programs. */

const PROBE = join(import.meta.dirname, '../../dist/main/probe.js');
const TLS = join(import.meta.dirname, '../support/tls');

let folder: string;
let service: TestService;
let environment: Record<string, string>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'overtone-probe-'));
  const healthFile = join(folder, 'health');
  const tls = { tlsCertFile: join(TLS, 'server.pem'), tlsKeyFile: join(TLS, 'server-key.pem') };
  service = await startTestService({ healthFile, ...tls });
  environment = {
    OVERTONE_HTTP_PORT: new URL(service.httpUrl).port,
    OVERTONE_HEALTH_FILE: healthFile,
    OVERTONE_TLS_CERT_FILE: tls.tlsCertFile,
  };
});

afterAll(async () => {
  await service?.close();
  rmSync(folder, { recursive: true, force: true });
});

function probe(name: string, env = environment): Promise<{ code: number; said: string }> {
  return new Promise((resolve) => {
    const { PATH = '' } = process.env;
    const child = execFile(process.execPath, [PROBE, name], { env: { PATH, ...env } }, (_error, _out, said) =>
      resolve({ code: child.exitCode ?? -1, said }),
    );
  });
}

const WELL = { code: 0, said: '' };

test('a gateway with TLS and a worker whose engine is ready are well', async () => {
  expect(await Promise.all(['gateway', 'worker', 'worker-alive'].map((name) => probe(name)))).toEqual([
    WELL,
    WELL,
    WELL,
  ]);
});

test('a worker that still loads is alive, and not ready', async () => {
  const path = join(folder, 'loading');
  writeFileSync(path, 'loading');
  const env = { OVERTONE_HEALTH_FILE: path };
  expect(await probe('worker-alive', env)).toEqual(WELL);
  expect(await probe('worker', env)).toEqual({ code: 1, said: 'the worker is loading\n' });
});

test('what is not there is not well, and the probe says why', async () => {
  const env = { OVERTONE_HTTP_PORT: '1', OVERTONE_HEALTH_FILE: join(folder, 'nothing') };
  expect(await probe('gateway', env)).toMatchObject({ code: 1, said: expect.stringContaining('does not answer') });
  expect(await probe('worker-alive', env)).toEqual({ code: 1, said: 'the worker is dead\n' });
  expect(await probe('doctor', env)).toMatchObject({ code: 1, said: expect.stringContaining('there are gateway') });
});

test('a gateway that answers with an error is not well', async () => {
  const server = createServer((_request, response) => response.writeHead(503).end()).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  expect(await probe('gateway', { OVERTONE_HTTP_PORT: String(port) })).toEqual({
    code: 1,
    said: '/livez answers 503\n',
  });
  server.close();
});
