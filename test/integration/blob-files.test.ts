import { createHash, randomBytes } from 'node:crypto';
import { access, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type BlobFiles, openBlobFiles } from '../../src/store/blob-files.ts';
import type { BlobStore } from '../../src/store/blob-store.ts';
import { createDiskBlobs } from '../../src/store/disk-blobs.ts';
import { openBlobStore } from '../../src/store/open-blob-store.ts';
import { startTestS3, type TestS3 } from '../support/s3.ts';

/** Files of a worker whose blobs lie in a bucket, behind a real server of S3's protocol. */

const FILE_BYTES = 1000;

let s3: TestS3;
let blobs: BlobStore;
let directory: string;

beforeAll(async () => {
  s3 = await startTestS3();
  blobs = await openBlobStore({ data: '', ...s3.settings });
});

afterAll(async () => {
  blobs.close();
  await s3.close();
});

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'overtone-files-'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const open = (files = 3) => openBlobFiles({ blobs, directory, maxBytes: files * FILE_BYTES });
const store = () => blobs.put(randomBytes(FILE_BYTES));
const isCached = (sha256: string) =>
  access(join(directory, sha256)).then(
    () => true,
    () => false,
  );
const fetches = (sha256: string) =>
  s3.requests.filter((line) => line.startsWith('GET ') && line.endsWith(sha256.slice(2))).length;

async function use(files: BlobFiles, sha256: string): Promise<void> {
  (await files.lease(sha256))?.release();
}

test('a file is fetched once, however many ask for it at once and later, and is what was stored', async () => {
  const files = await open();
  const sha256 = await store();
  const leases = await Promise.all(Array.from({ length: 50 }, () => files.lease(sha256)));
  await use(files, sha256);
  expect(fetches(sha256)).toBe(1);
  expect(new Set(leases.map((lease) => lease?.path)).size).toBe(1);
  expect(
    createHash('sha256')
      .update(await readFile(leases[0]?.path ?? ''))
      .digest('hex'),
  ).toBe(sha256);
});

test('the least recently used make room, and the bound always holds', async () => {
  const files = await open(3);
  const [a, b, c, d] = [await store(), await store(), await store(), await store()];
  for (const sha256 of [a, b, c, a, d]) await use(files, sha256);
  expect([await isCached(a), await isCached(b), await isCached(c), await isCached(d)]).toEqual([
    true,
    false,
    true,
    true,
  ]);
  await Promise.all([b, c, d, a, b].map((sha256) => use(files, sha256)));
  expect(files.bytes()).toBeLessThanOrEqual(3 * FILE_BYTES);
  expect(await readdir(directory)).toHaveLength(files.bytes() / FILE_BYTES);
});

test('a leased file stays, and where all are leased another is refused until one is released', async () => {
  const files = await open(2);
  const [a, b, c] = [await store(), await store(), await store()];
  const leases = [await files.lease(a), await files.lease(b)];
  await expect(files.lease(c)).rejects.toThrow('would pass the bound');
  leases[0]?.release();
  leases[0]?.release();
  await use(files, c);
  expect([await isCached(a), await isCached(b), await isCached(c)]).toEqual([false, true, true]);
});

test('what is not there is not leased', async () => {
  expect(await (await open()).lease('0'.repeat(64))).toBeUndefined();
});

test('a process that starts again keeps what it had fetched, and nothing half fetched', async () => {
  const sha256 = await store();
  await use(await open(), sha256);
  await writeFile(join(directory, `${sha256}.half`), 'half');
  const files = await open();
  await use(files, sha256);
  expect(fetches(sha256)).toBe(1);
  expect(await readdir(directory)).toEqual([sha256]);
});

test('bytes that are not what their name says are refused and not kept', async () => {
  const other = await store();
  const lying = { localPath: blobs.localPath, open: () => blobs.open(other) };
  const files = await openBlobFiles({ blobs: lying, directory, maxBytes: FILE_BYTES });
  await expect(files.lease('1'.repeat(64))).rejects.toThrow('other bytes than its name says');
  expect(await readdir(directory)).toEqual([]);
});

test('a bucket that is away is an error, and the file comes once it is back', async () => {
  const files = await open();
  const sha256 = await store();
  await s3.stop();
  await expect(files.lease(sha256)).rejects.toThrow('ECONNREFUSED');
  await s3.start();
  expect(await files.lease(sha256)).toBeDefined();
});

test('a blob on this disk is read where it lies', async () => {
  const disk = createDiskBlobs(join(directory, 'data'));
  const sha256 = await disk.put(randomBytes(10));
  const files = await openBlobFiles({ blobs: disk, directory: join(directory, 'cache'), maxBytes: 1 });
  expect((await files.lease(sha256))?.path).toBe(await disk.localPath(sha256));
});
