import { createHash, randomUUID } from 'node:crypto';
import { copyFile, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type BlobStore, blobKey } from './blob-store.ts';

/**
 * Blobs in a folder, for processes that share a disk. A blob gets its name only when its bytes are on the disk, so a reader sees all
 * of it or nothing, whoever dies while writing.
 */

/** Far longer than the largest blob takes to write. */
const ABANDONED_MS = 3600 * 1000;

export function createDiskBlobs(directory: string): BlobStore {
  const drafts = join(directory, 'blobs', 'drafts');
  const pathOf = (sha256: string) => join(directory, blobKey(sha256));

  /** `write` puts the bytes under the path that it is given. */
  async function keep(sha256: string, write: (draft: string) => Promise<void>): Promise<void> {
    const path = pathOf(sha256);
    if (await exists(path)) return;
    await mkdir(drafts, { recursive: true });
    const draft = join(drafts, randomUUID());
    try {
      await write(draft);
      await sync(draft);
      await mkdir(dirname(path), { recursive: true });
      await rename(draft, path);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }

  return {
    async put(bytes) {
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      await keep(sha256, async (draft) => {
        const file = await open(draft, 'wx');
        try {
          await file.writeFile(bytes);
        } finally {
          await file.close();
        }
      });
      return sha256;
    },

    putFile: (path, sha256) => keep(sha256, (draft) => copyFile(path, draft)),

    get: (sha256) => unlessAbsent(readFile(pathOf(sha256))),

    async open(sha256) {
      const file = await unlessAbsent(open(pathOf(sha256)));
      return file?.createReadStream();
    },

    remove: (sha256) => rm(pathOf(sha256), { force: true }),

    async tidy() {
      const names = (await unlessAbsent(readdir(drafts))) ?? [];
      for (const name of names) {
        const draft = join(drafts, name);
        const found = await unlessAbsent(stat(draft));
        if (found !== undefined && Date.now() - found.mtimeMs > ABANDONED_MS) await rm(draft, { force: true });
      }
    },

    async localPath(sha256) {
      const path = pathOf(sha256);
      return (await exists(path)) ? path : undefined;
    },

    link: async () => undefined,

    close() {},
  };
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function exists(path: string): Promise<boolean> {
  return (await unlessAbsent(stat(path))) !== undefined;
}

async function unlessAbsent<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
