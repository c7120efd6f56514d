import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { BlobStore } from '../../src/store/blob-store.ts';
import { createDiskBlobs } from '../../src/store/disk-blobs.ts';
import { openBlobStore } from '../../src/store/open-blob-store.ts';
import { startTestS3, type TestS3 } from '../support/s3.ts';

/** Both stores keep one promise: on disk, and in a bucket behind a real server of S3's protocol (s3rver). */

let directory: string;
let s3: TestS3;

beforeAll(async () => {
  s3 = await startTestS3();
});

afterAll(() => s3.close());

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'overtone-blobs-'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const DISK = { blobs: undefined, s3Endpoint: undefined, s3Region: 'us-east-1' };
const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe.each(['disk', 's3'] as const)('blobs in %s', (kind) => {
  let store: BlobStore;
  const open = () => openBlobStore({ data: directory, ...(kind === 's3' ? s3.settings : DISK) });

  beforeEach(async () => {
    store = await open();
  });

  afterEach(() => store.close());

  test('bytes come back under their hash, whoever stores them and how often', async () => {
    const bytes = randomBytes(1000);
    const stored = await Promise.all(Array.from({ length: 20 }, () => store.put(bytes)));
    expect(new Set(stored)).toEqual(new Set([sha256Of(bytes)]));
    const other = await open();
    expect(await other.get(sha256Of(bytes))).toEqual(bytes);
    other.close();
  });

  test('a file of several megabytes comes back as a stream', async () => {
    const bytes = randomBytes(5_000_000);
    const path = join(directory, 'file');
    await writeFile(path, bytes);
    await store.putFile(path, sha256Of(bytes));
    await store.putFile(path, sha256Of(bytes));
    const stream = await store.open(sha256Of(bytes));
    expect(sha256Of(Buffer.concat((await stream?.toArray()) ?? []))).toBe(sha256Of(bytes));
  });

  test('what was never stored is not there, and what was removed no longer', async () => {
    const sha256 = await store.put(randomBytes(10));
    await store.remove(sha256);
    await store.remove(sha256);
    expect(await store.get(sha256)).toBeUndefined();
    expect(await store.open(sha256)).toBeUndefined();
    expect(await store.localPath(sha256)).toBeUndefined();
  });
});

describe('a bucket', () => {
  test('gives a link by which anybody can fetch one blob for a while', async () => {
    const store = await openBlobStore({ data: directory, ...s3.settings });
    const sha256 = await store.put(Buffer.from('a picture'));
    const link = (await store.link(sha256, { contentType: 'image/webp', lifetimeS: 60 })) ?? '';
    const response = await fetch(link);
    expect([response.headers.get('content-type'), await response.text()]).toEqual(['image/webp', 'a picture']);
    expect(new URL(link).searchParams.get('X-Amz-Expires')).toBe('60');
    store.close();
  });

  test('that is away is an error within seconds, and serves again when it is back', async () => {
    const store = await openBlobStore({ data: directory, ...s3.settings });
    const bytes = randomBytes(100);
    await s3.stop();
    await expect(store.put(bytes)).rejects.toThrow('ECONNREFUSED');
    await expect(store.get(sha256Of(bytes))).rejects.toThrow('ECONNREFUSED');
    await s3.start();
    expect(await store.get(await store.put(bytes))).toEqual(bytes);
    store.close();
  });
});

/** Only root can make a small disk, and not in every container. */
function mayMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'overtone-mount-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', folder]);
  if (status === 0) execFileSync('umount', [folder]);
  rmdirSync(folder);
  return status === 0;
}

describe('a disk', () => {
  const files = async () =>
    (await readdir(directory, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name);

  test('keeps nothing of a blob that could not be written', async () => {
    await writeFile(join(directory, 'blobs'), 'in the way');
    await expect(createDiskBlobs(directory).put(Buffer.from('x'))).rejects.toThrow();
    expect(await files()).toEqual(['blobs']);
  });

  test.skipIf(!mayMount())('that is full refuses a blob, keeps the others, and takes it again', async () => {
    const small = join(directory, 'small');
    await mkdir(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', small]);
    try {
      const store = createDiskBlobs(small);
      const kept = await store.put(randomBytes(1_500_000));
      const more = randomBytes(1_500_000);
      await expect(store.put(more)).rejects.toThrow('ENOSPC');
      expect(sha256Of((await store.get(kept)) ?? Buffer.of())).toBe(kept);
      expect(await store.get(sha256Of(more))).toBeUndefined();
      await store.remove(kept);
      expect(await store.get(await store.put(more))).toEqual(more);
    } finally {
      execFileSync('umount', [small]);
    }
  });

  test('forgets drafts of writers that died an hour ago, and no younger ones', async () => {
    const drafts = join(directory, 'blobs', 'drafts');
    await mkdir(drafts, { recursive: true });
    for (const name of ['old', 'young']) await writeFile(join(drafts, name), 'half a pic');
    const before = new Date(Date.now() - 3601 * 1000);
    await utimes(join(drafts, 'old'), before, before);
    await createDiskBlobs(directory).tidy();
    expect(await files()).toEqual(['young']);
  });
});
