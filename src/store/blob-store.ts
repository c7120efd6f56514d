import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Bytes under the hash of what they are: written once, never changed, the same for every job that makes them. */
export interface BlobStore {
  /** Stores the bytes durably and returns their sha256 in hex. Storing the same bytes again is cheap and changes nothing. */
  put(bytes: Uint8Array): Promise<string>;
  /** Undefined if there is no such blob. */
  get(sha256: string): Promise<Uint8Array | undefined>;
}

/** Blobs in `directory/blobs/sha256/ab/cdef...`, for machines that share a disk. */
export function createDiskBlobStore(directory: string): BlobStore {
  const root = join(directory, 'blobs', 'sha256');
  const pathOf = (sha256: string) => join(root, sha256.slice(0, 2), sha256.slice(2));
  return {
    async put(bytes) {
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const path = pathOf(sha256);
      if (!(await exists(path))) await writeDurably(path, bytes);
      return sha256;
    },
    async get(sha256) {
      try {
        return await readFile(pathOf(sha256));
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
  };
}

/** A reader sees the whole file or none: it gets its name only when its bytes are on the disk. */
async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
