import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ServiceError } from '../../../src/contract/errors.ts';
import { discardAbandoned, receiveFile } from '../../../src/files/receive-file.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'overtone-receive-'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

async function* pieces(bytes: Uint8Array, size: number, fails = false) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  if (fails) throw new Error('aborted');
}

const bytes = randomBytes(10_000);

test('a file has the bytes that came, and their hash, until it is discarded', async () => {
  const file = await receiveFile(pieces(bytes, 999), { directory, maxBytes: 10_000 });
  expect(await readFile(file.path)).toEqual(bytes);
  expect(file).toMatchObject({ bytes: 10_000, sha256: createHash('sha256').update(bytes).digest('hex') });
  await file.discard();
  expect(await readdir(directory)).toEqual([]);
});

test('one byte more than allowed is refused, and nothing is kept', async () => {
  const receiving = receiveFile(pieces(bytes, 999), { directory, maxBytes: 9_999 });
  await expect(receiving).rejects.toMatchObject({ code: 'body_too_large' });
  expect(await readdir(directory)).toEqual([]);
});

test('what breaks off is told from a disk that fails, and nothing is kept of either', async () => {
  const cut = receiveFile(pieces(bytes, 999, true), { directory, maxBytes: 1e6 });
  await expect(cut).rejects.toMatchObject({ code: 'upload_cut_off' });
  expect(await readdir(directory)).toEqual([]);
  const nowhere = receiveFile(pieces(bytes, 999), { directory: '/dev/full', maxBytes: 1e6 });
  await expect(nowhere).rejects.toThrow();
});

test('what is told to stop stops also while nothing comes, and nothing is kept', async () => {
  const revoked = new AbortController();
  async function* stuck() {
    yield bytes;
    setTimeout(() => revoked.abort(new ServiceError('unauthenticated', 'no longer')));
    await new Promise(() => {});
  }
  const receiving = receiveFile(stuck(), { directory, maxBytes: 1e6, signal: revoked.signal });
  await expect(receiving).rejects.toMatchObject({ code: 'unauthenticated' });
  expect(await readdir(directory)).toEqual([]);
  const late = receiveFile(pieces(bytes, 999), { directory, maxBytes: 1e6, signal: revoked.signal });
  await expect(late).rejects.toMatchObject({ code: 'unauthenticated' });
});

test('a source that is left for another reason is closed', async () => {
  let isClosed = false;
  async function* watched() {
    try {
      yield* pieces(bytes, 999);
    } finally {
      isClosed = true;
    }
  }
  const { signal } = new AbortController();
  await expect(receiveFile(watched(), { directory, maxBytes: 99, signal })).rejects.toThrow();
  expect(isClosed).toBe(true);
});

test('a source that fails at once leaves no file that is made late', async () => {
  const cuts = Array.from({ length: 500 }, () =>
    receiveFile(pieces(Buffer.alloc(0), 1, true), { directory, maxBytes: 1 }),
  );
  for (const cut of await Promise.allSettled(cuts)) expect(cut.status).toBe('rejected');
  expect(await readdir(directory)).toEqual([]);
});

test('what a process left behind is removed a day later, and nothing that may still be wanted', async () => {
  for (const name of ['old', 'young']) await writeFile(join(directory, name), 'half');
  const before = new Date(Date.now() - 25 * 3600 * 1000);
  await utimes(join(directory, 'old'), before, before);
  await discardAbandoned(directory);
  await discardAbandoned(join(directory, 'nowhere'));
  expect(await readdir(directory)).toEqual(['young']);
});
