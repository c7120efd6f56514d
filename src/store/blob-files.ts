import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ServiceError } from '../contract/errors.ts';
import type { BlobStore } from './blob-store.ts';

/**
 * Blobs as files on this machine, for whoever reads by path. Those that lie on its disk are read where they lie. Others are fetched,
 * once however many ask for one at a time, and kept within a bound; the least recently used make room, and none that is leased does.
 * The folder belongs to one process.
 */
export interface BlobFiles {
  /** The file stays until the lease is released. Undefined where there is no such blob. */
  lease(sha256: string): Promise<FileLease | undefined>;
  readonly bytes: () => number;
}

export interface FileLease {
  readonly path: string;
  release(): void;
}

interface Entry {
  readonly bytes: number;
  leases: number;
}

export async function openBlobFiles(options: {
  readonly blobs: Pick<BlobStore, 'localPath' | 'open'>;
  /** Made when something is fetched. What is in it from before is kept. */
  readonly directory: string;
  readonly maxBytes: number;
}): Promise<BlobFiles> {
  const { blobs, directory, maxBytes } = options;
  const pathOf = (sha256: string) => join(directory, sha256);
  /** In order of last use, the oldest first: a Map keeps the order of insertion. */
  const entries = await filesFound(directory);
  const fetching = new Map<string, Promise<Entry | undefined>>();
  const totalBytes = () => [...entries.values()].reduce((sum, { bytes }) => sum + bytes, 0);

  /** Room that files have which are on their way to their place. */
  let promisedBytes = 0;

  async function makeRoom(bytes: number): Promise<void> {
    while (totalBytes() + promisedBytes + bytes > maxBytes) {
      const oldest = [...entries].find(([, { leases }]) => leases === 0);
      if (oldest === undefined) {
        const message = `files in use take ${totalBytes()} bytes, and ${bytes} more would pass the bound of ${maxBytes}`;
        throw new ServiceError('storage_unavailable', message);
      }
      entries.delete(oldest[0]);
      await rm(pathOf(oldest[0]), { force: true });
    }
    promisedBytes += bytes;
  }

  async function fetch(sha256: string): Promise<Entry | undefined> {
    const stream = await blobs.open(sha256);
    if (stream === undefined) return undefined;
    await mkdir(directory, { recursive: true });
    const draft = join(directory, `${sha256}.${randomUUID()}`);
    try {
      const hash = createHash('sha256');
      stream.on('data', (chunk) => hash.update(chunk));
      await pipeline(stream, createWriteStream(draft, { flags: 'wx' }));
      if (hash.digest('hex') !== sha256) {
        throw new ServiceError('storage_unavailable', `blob ${sha256} came with other bytes than its name says`);
      }
      const { size } = await stat(draft);
      await makeRoom(size);
      const entry: Entry = { bytes: size, leases: 0 };
      await rename(draft, pathOf(sha256))
        .then(() => entries.set(sha256, entry))
        .finally(() => {
          promisedBytes -= size;
        });
      return entry;
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }

  async function entryOf(sha256: string): Promise<Entry | undefined> {
    const known = entries.get(sha256);
    if (known !== undefined) return known;
    const running = fetching.get(sha256);
    if (running !== undefined) return running;
    const promise = fetch(sha256).finally(() => fetching.delete(sha256));
    fetching.set(sha256, promise);
    return promise;
  }

  return {
    async lease(sha256) {
      const local = await blobs.localPath(sha256);
      if (local !== undefined) return { path: local, release() {} };
      // Fetched and dropped again before this one could lease it: rare, and the next time it is alone.
      for (let entry = await entryOf(sha256); entry !== undefined; entry = await entryOf(sha256)) {
        if (entries.get(sha256) !== entry) continue;
        entry.leases++;
        entries.delete(sha256);
        entries.set(sha256, entry);
        return { path: pathOf(sha256), release: once(() => entry.leases--) };
      }
      return undefined;
    },
    bytes: totalBytes,
  };
}

/** What an earlier process has fetched, by time of last change. Its drafts are removed. */
async function filesFound(directory: string): Promise<Map<string, Entry>> {
  const names = await readdir(directory).catch(() => []);
  const found = await Promise.all(
    names.map(async (name) => {
      const path = join(directory, name);
      if (/^[0-9a-f]{64}$/.test(name)) return { name, ...(await stat(path)) };
      await rm(path, { force: true });
      return undefined;
    }),
  );
  const files = found.filter((file) => file !== undefined).sort((one, other) => one.mtimeMs - other.mtimeMs);
  return new Map(files.map(({ name, size }) => [name, { bytes: size, leases: 0 }]));
}

function once(action: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) action();
    isDone = true;
  };
}
