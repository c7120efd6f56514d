import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDiskBlobStore } from '../../src/store/blob-store.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'overtone-blobs-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const files = async () =>
  (await readdir(directory, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());

test('bytes come back under their hash, whoever stores them and how often', async () => {
  const store = createDiskBlobStore(directory);
  const bytes = Buffer.from('a picture');
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const stored = await Promise.all(Array.from({ length: 20 }, () => store.put(bytes)));
  expect(new Set(stored)).toEqual(new Set([sha256]));
  expect(await createDiskBlobStore(directory).get(sha256)).toEqual(bytes);
  expect((await files()).map((entry) => entry.name)).toEqual([sha256.slice(2)]);
});

test('what was never stored is not there', async () => {
  expect(await createDiskBlobStore(directory).get('0'.repeat(64))).toBeUndefined();
});

test('a blob that cannot be written leaves nothing behind', async () => {
  const store = createDiskBlobStore(directory);
  await writeFile(join(directory, 'blobs'), 'in the way');
  await expect(store.put(Buffer.from('x'))).rejects.toThrow();
  expect((await files()).map((entry) => entry.name)).toEqual(['blobs']);
});
