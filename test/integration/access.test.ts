import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { Client, credentials, status as grpcStatus, Metadata, type ServiceError } from '@grpc/grpc-js';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { runCli } from '../../src/cli/run.ts';
import type { Settings } from '../../src/config/settings.ts';
import { openGrpcClient } from '../../src/grpc/client.ts';
import { loadDefinitions, rpcsOf } from '../../src/grpc/protocol.ts';
import { type Gateway, openGateway } from '../../src/main/open-gateway.ts';
import { generateApiKey } from '../../src/service/api-keys.ts';
import { makeJobId, RANDOM_BYTES } from '../../src/service/job-id.ts';
import { createJobJournal } from '../../src/store/job-journal.ts';
import { NEW_JOB } from '../support/accepted-job.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';
import { jsonOf, testSettings } from '../support/test-service.ts';

/** Who gets in: a real gateway over a real Redis, without a worker, on loopback, told that it was not. */

const ADMIN_KEY = generateApiKey();
const TLS = join(import.meta.dirname, '../support/tls');
const pem = (name: string) => readFileSync(join(TLS, `${name}.pem`));

let folder: string;
let redis: TestRedis;
let gateway: Gateway | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-access-'));
  redis = await startTestRedis();
});

afterAll(async () => {
  await redis?.close();
  await rm(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  const connection = redis.connect();
  await connection.flushall();
  connection.disconnect();
});

afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

async function open(overrides: Partial<Settings>): Promise<Gateway> {
  const settings: Settings = { ...testSettings(folder), redisUrl: redis.url, ...overrides };
  gateway = await openGateway(settings, pino({ level: 'silent' }));
  return gateway;
}

const withKeys = () => open({ access: 'keys', adminKey: ADMIN_KEY });
const as = (key: string) => ({ authorization: `Bearer ${key}` });

/** `overtone keys ...`, as a person types it. */
async function keys(...argv: readonly string[]): Promise<{ readonly code: number; readonly said: string }> {
  let said = '';
  const write = (text: string) => {
    said += text;
  };
  const url = gateway === undefined ? [] : ['--url', gateway.httpUrl];
  const code = await runCli(['keys', ...argv, ...url], {
    env: { OVERTONE_ADMIN_KEY: ADMIN_KEY },
    out: write,
    err: write,
    signal: new AbortController().signal,
  });
  return { code, said: said.trim() };
}

test('on loopback everybody is served, and an admin', async () => {
  const { httpUrl } = await open({});
  expect((await fetch(`${httpUrl}/v1/models`)).status).toBe(200);
  expect((await fetch(`${httpUrl}/v1/keys`)).status).toBe(200);
});

test.each([{ httpHost: '0.0.0.0' }, { grpcHost: '0.0.0.0' }, { access: 'keys' as const }])(
  'with %o and no key the gateway does not start, and says what to do',
  async (overrides) => {
    await expect(open(overrides)).rejects.toThrow(/there are no API keys.*overtone keys generate.*--access open/);
  },
);

test.each([
  { how: '--access open', said: { access: 'open' }, expected: 200 },
  { how: 'an admin key', said: { adminKey: ADMIN_KEY }, expected: 401 },
] as const)('with $how it starts on every address', async ({ said, expected }) => {
  const { httpUrl } = await open({ httpHost: '0.0.0.0', ...said });
  expect((await fetch(`${httpUrl}/livez`)).status).toBe(200);
  expect((await fetch(`${httpUrl}/v1/models`)).status).toBe(expected);
});

test('with a key in the store it starts, and knows it', async () => {
  await withKeys();
  const { said: key } = await keys('create', '--owner', 'ana');
  await gateway?.close();
  const { httpUrl } = await open({ access: 'keys' });
  expect((await fetch(`${httpUrl}/v1/models`, { headers: as(key) })).status).toBe(200);
});

test('keys are made, listed, rotated and revoked from the command line', async () => {
  const { httpUrl } = await withKeys();
  const statusWith = async (key: string) => (await fetch(`${httpUrl}/v1/models`, { headers: as(key) })).status;
  const { said: first } = await keys('create', '--owner', 'ana', '--scopes', 'generate,registry', '--note', 'laptop');
  expect(await statusWith(first)).toBe(200);
  const [kid = ''] = first.split('.');
  expect((await keys('list')).said).toBe(`${kid}  ana  generate,registry  laptop`);

  const { said: second } = await keys('rotate', kid, '--overlap', '3600');
  expect([await statusWith(first), await statusWith(second)]).toEqual([200, 200]);
  expect((await keys('list')).said).toMatch(new RegExp(`${kid}  ana  generate,registry  until 20.*laptop`));

  expect(await keys('revoke', kid)).toEqual({ code: 0, said: `${kid} is revoked` });
  await expect.poll(() => statusWith(first), { timeout: 3000 }).toBe(401);
  expect(await statusWith(second)).toBe(200);
  expect(await keys('revoke', kid)).toEqual({ code: 2, said: `overtone: there is no API key '${kid}'` });
});

test('what is wrong with a new key is said all at once', async () => {
  await withKeys();
  const { code, said } = await keys('create', '--owner', 'A b', '--scopes', 'draw', '--expires-in', 'soon');
  expect(code).toBe(2);
  for (const words of ['owner is "A b"', 'scopes[0] is "draw"', 'expires_in_s is "soon"'])
    expect(said).toContain(words);
});

test('no secret lies in Redis, and none comes back from the list', async () => {
  const { httpUrl } = await withKeys();
  const { said: key } = await keys('create', '--owner', 'ana');
  const [, secret = ''] = key.split('.');
  const connection = redis.connect();
  const stored = await connection.hvals('{overtone}:api-keys');
  connection.disconnect();
  const listed = await (await fetch(`${httpUrl}/v1/keys`, { headers: as(ADMIN_KEY) })).text();
  expect(stored).toHaveLength(1);
  expect(`${stored} ${listed}`).not.toContain(secret);
  expect(listed).not.toContain('sha256');
});

test('a call too many is 429 with a time to come again, by both doors together', async () => {
  const { httpUrl, grpcAddress } = await withKeys();
  const { said: key } = await keys('create', '--owner', 'ana', '--requests-per-minute', '3');
  const client = openGrpcClient(grpcAddress, { apiKey: key });
  const call = () => fetch(`${httpUrl}/v1/models`, { headers: as(key) });
  const overGrpc = () => client.call('Get', { id: 'x' }).catch((error: ServiceError) => error.code);
  expect([(await call()).status, (await call()).status, await overGrpc()]).toEqual([200, 200, grpcStatus.NOT_FOUND]);
  const refused = await call();
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(10);
  expect(await jsonOf(refused)).toMatchObject({ code: 'rate_limited', retry_after_s: expect.any(Number) });
  expect(await overGrpc()).toBe(grpcStatus.RESOURCE_EXHAUSTED);
  client.close();
});

function getOverTls(url: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(url, { ca: pem('ca') }, (response) => {
      response.resume();
      expect(response.headers['strict-transport-security']).toContain('max-age');
      resolve(response.statusCode);
    });
    request.once('error', reject).end();
  });
}

const SERVER = { tlsCertFile: join(TLS, 'server.pem'), tlsKeyFile: join(TLS, 'server-key.pem') };

/** The status with which a call ends; the id is nobody's, so NOT_FOUND is how it looks when it was heard. */
async function statusOver(address: string, ...files: readonly string[]): Promise<number> {
  const [ca, key, cert] = files.map((name) => pem(name));
  const channel = ca === undefined ? credentials.createInsecure() : credentials.createSsl(ca, key, cert);
  const client = openGrpcClient(address, { credentials: channel });
  try {
    return await client.call('Get', { id: 'x' }).then(
      () => 0,
      (error: ServiceError) => error.code,
    );
  } finally {
    client.close();
  }
}

test('with a certificate both doors speak TLS alone', async () => {
  const { httpUrl, grpcAddress } = await open(SERVER);
  expect(httpUrl).toMatch(/^https:/);
  expect(await getOverTls(`${httpUrl}/livez`)).toBe(200);
  await expect(fetch(`${httpUrl.replace('https', 'http')}/livez`)).rejects.toThrow();
  expect(await statusOver(grpcAddress, 'ca')).toBe(grpcStatus.NOT_FOUND);
  expect(await statusOver(grpcAddress)).toBe(grpcStatus.UNAVAILABLE);
});

test('with an authority for clients, gRPC hears those alone whom it has signed', async () => {
  const { grpcAddress } = await open({ ...SERVER, grpcClientCaFile: join(TLS, 'ca.pem') });
  expect(await statusOver(grpcAddress, 'ca', 'client-key', 'client')).toBe(grpcStatus.NOT_FOUND);
  expect(await statusOver(grpcAddress, 'ca', 'stranger-key', 'stranger')).toBe(grpcStatus.UNAVAILABLE);
  expect(await statusOver(grpcAddress, 'ca')).toBe(grpcStatus.UNAVAILABLE);
});

test.each([
  ['a key that is not the certificate’s', { ...SERVER, tlsKeyFile: join(TLS, 'client-key.pem') }, 'does not fit'],
  ['a certificate without its key', { tlsCertFile: SERVER.tlsCertFile }, 'OVERTONE_TLS_KEY_FILE'],
  ['an authority for clients without a certificate', { grpcClientCaFile: join(TLS, 'ca.pem') }, 'OVERTONE_TLS_CERT'],
  ['a file that is not there', { ...SERVER, tlsKeyFile: '/not/there' }, "'/not/there'; must be a file"],
])('%s keeps the gateway from starting', async (_, overrides, words) => {
  await expect(open(overrides)).rejects.toThrow(words);
});

test('a certificate that is renewed is used by both doors without a restart, and half a renewal is not', async () => {
  const [tlsCertFile, tlsKeyFile] = ['cert.pem', 'key.pem'].map((name) => join(folder, name)) as [string, string];
  const lay = async (name: string) => {
    await copyFile(join(TLS, `${name}.pem`), tlsCertFile);
    await copyFile(join(TLS, `${name}-key.pem`), tlsKeyFile);
  };
  await lay('server');
  const settings: Settings = { ...testSettings(folder), redisUrl: redis.url, tlsCertFile, tlsKeyFile };
  gateway = await openGateway(settings, pino({ level: 'silent' }), { tlsPauseMs: 50 });
  const doors = [new URL(gateway.httpUrl).host, gateway.grpcAddress];
  const shown = () => Promise.all(doors.map(fingerprintAt));
  const first = await shown();
  expect(new Set(first).size).toBe(1);
  // A new certificate and the old key.
  await copyFile(join(TLS, 'client.pem'), tlsCertFile);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(await shown()).toEqual(first);
  await lay('client');
  await expect.poll(shown, { timeout: 10_000 }).not.toContain(first[0]);
  expect(new Set(await shown()).size).toBe(1);
});

/** The fingerprint of the certificate that a door shows. */
function fingerprintAt(address: string): Promise<string> {
  const [host = '', port] = address.split(':');
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      host,
      port: Number(port),
      rejectUnauthorized: false,
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    socket.once('error', reject).once('secureConnect', () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
  });
}

test('a first key can be made before there is a service', async () => {
  const { code, said } = await keys('generate');
  expect([code, said]).toEqual([0, expect.stringMatching(/^ot_[0-9a-f]{12}\.[\w-]{43}$/)]);
});

test('a stream that is open when its key is revoked ends soon, and says why', async () => {
  const { httpUrl, grpcAddress } = await withKeys();
  const made = await fetch(`${httpUrl}/v1/keys`, {
    method: 'POST',
    headers: { ...as(ADMIN_KEY), 'content-type': 'application/json' },
    body: JSON.stringify({ owner: 'ana', scopes: ['generate'] }),
  });
  const { key, kid } = (await made.json()) as { readonly key: string; readonly kid: string };
  const connection = redis.connect();
  const id = makeJobId(Date.now(), randomBytes(RANDOM_BYTES));
  await createJobJournal(connection, 100).admit(id, { ...NEW_JOB, owner: 'ana' });
  connection.disconnect();

  const client = openGrpcClient(grpcAddress, { apiKey: key });
  const watched: string[] = [];
  const overGrpc = (async () => {
    for await (const { queued } of client.events('Watch', { id })) watched.push(queued === undefined ? '?' : 'queued');
  })().catch((error: ServiceError) => error.code);
  const overHttp = await fetch(`${httpUrl}/v1/generations/${id}/events`, { headers: as(key) });
  await expect.poll(() => watched).toEqual(['queued']);
  expect((await fetch(`${httpUrl}/v1/keys/${kid}`, { method: 'DELETE', headers: as(ADMIN_KEY) })).status).toBe(204);
  const revokedMs = Date.now();
  expect(await overGrpc).toBe(grpcStatus.UNAUTHENTICATED);
  const text = await overHttp.text();
  expect(Date.now() - revokedMs).toBeLessThan(10_000);
  expect(text).toMatch(/event: queued\n(.|\n)*event: error\ndata: \{.*"code":"unauthenticated".*\}\n\n$/);
  client.close();
}, 30_000);

const OUTSIDE = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address;

test.skipIf(OUTSIDE === undefined)('callers without a key are counted by their address, by either door', async () => {
  const everywhere = { httpHost: '0.0.0.0', grpcHost: '0.0.0.0', adminKey: ADMIN_KEY, strangersPerMinute: 3 };
  const { httpUrl, grpcAddress } = await open(everywhere);
  const [http, grpc] = [httpUrl, grpcAddress].map((address) => address.replace('0.0.0.0', OUTSIDE ?? ''));
  const client = openGrpcClient(grpc ?? '');
  const code = await client.call('Get', { id: 'x' }).catch((error: ServiceError) => error.code);
  expect(code).toBe(grpcStatus.UNAUTHENTICATED);
  const statuses: number[] = [];
  for (const path of ['/v1/models', '/openapi.json', '/v1/models', '/openapi.json']) {
    statuses.push((await fetch(`${http}${path}`)).status);
  }
  expect(statuses).toEqual([401, 200, 429, 429]);
  const late = await fetch(`${http}/v1/models`);
  expect(await jsonOf(late)).toMatchObject({ status: 429, code: 'rate_limited' });
  expect(Number(late.headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await fetch(`${http}/livez`)).status).toBe(200);
  expect((await fetch(`${http}/v1/models`, { headers: as(ADMIN_KEY) })).status).toBe(200);
  client.close();
});

/** A call of either door as a proxy on this machine passes it on, or as somebody writes it who would like to be one. */
function forwarded({ httpUrl, grpcAddress }: Gateway) {
  const { path, requestSerialize, responseDeserialize } = rpcsOf(loadDefinitions()).Get ?? expect.fail();
  return {
    http: (caller: string, url = '/openapi.json') =>
      fetch(`${httpUrl}${url}`, { headers: { 'x-forwarded-for': caller } }),
    grpc(caller: string): Promise<number> {
      const client = new Client(grpcAddress, credentials.createInsecure());
      const metadata = new Metadata();
      metadata.set('x-forwarded-for', caller);
      return new Promise<number>((resolve) => {
        client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { id: 'x' }, metadata, (error) =>
          resolve(error?.code ?? grpcStatus.OK),
        );
      }).finally(() => client.close());
    },
  };
}

const BEHIND_PROXY = { proxies: '127.0.0.0/8,10.0.0.0/8', adminKey: ADMIN_KEY };

test('behind a proxy that is named, strangers are counted each by their own address, by both doors together', async () => {
  const call = forwarded(await open({ ...BEHIND_PROXY, strangersPerMinute: 2 }));
  const statuses = [];
  // Whatever the caller has written itself stands before what the proxies have.
  for (const claim of ['', '127.0.0.1, ', '192.0.2.7,10.0.0.3,']) {
    statuses.push((await call.http(`${claim}203.0.113.5, 10.0.0.2`)).status);
  }
  expect(statuses).toEqual([200, 200, 429]);
  expect(await call.grpc('203.0.113.5')).toBe(grpcStatus.RESOURCE_EXHAUSTED);
  expect([await call.grpc('203.0.113.6'), await call.grpc('203.0.113.6')]).toEqual(
    Array(2).fill(grpcStatus.UNAUTHENTICATED),
  );
  expect((await call.http('203.0.113.6')).status).toBe(429);
  expect((await call.http('203.0.113.7')).status).toBe(200);
});

test('behind a proxy that is named, loopback is no longer only this machine, and wants keys', async () => {
  await expect(open({ proxies: '127.0.0.1' })).rejects.toThrow(/there are no API keys.*behind a proxy/);
  const { httpUrl } = await open(BEHIND_PROXY);
  expect((await fetch(`${httpUrl}/v1/models`)).status).toBe(401);
});

test.skipIf(OUTSIDE === undefined)('who is not named as a proxy cannot call under another address', async () => {
  const everywhere = { httpHost: '0.0.0.0', grpcHost: '0.0.0.0', adminKey: ADMIN_KEY, strangersPerMinute: 2 };
  for (const proxies of [undefined, '10.255.255.1']) {
    const { httpUrl, grpcAddress, close } = await open({ ...everywhere, proxies });
    const [http = '', grpc = ''] = [httpUrl, grpcAddress].map((address) => address.replace('0.0.0.0', OUTSIDE ?? ''));
    const call = forwarded({ httpUrl: http, grpcAddress: grpc, close });
    expect(await call.grpc('127.0.0.1')).toBe(grpcStatus.UNAUTHENTICATED);
    const statuses = [];
    for (const caller of ['127.0.0.1', '203.0.113.5', '10.255.255.1']) statuses.push((await call.http(caller)).status);
    expect(statuses).toEqual([200, 429, 429]);
    expect(await call.grpc('203.0.113.6')).toBe(grpcStatus.RESOURCE_EXHAUSTED);
    await close();
  }
});

test('browsers are told to keep to TLS where a proxy that is named has it, and not on a stranger’s word', async () => {
  const hsts = async ({ httpUrl }: Gateway, scheme: string) => {
    const response = await fetch(`${httpUrl}/livez`, { headers: { 'x-forwarded-proto': scheme } });
    return response.headers.get('strict-transport-security');
  };
  const behind = await open(BEHIND_PROXY);
  expect([await hsts(behind, 'https'), await hsts(behind, 'http')]).toEqual([expect.stringContaining('max-age'), null]);
  await behind.close();
  expect(await hsts(await open({}), 'https')).toBeNull();
});
