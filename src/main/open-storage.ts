import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { Settings } from '../config/settings.ts';
import { openLoraFolder } from '../files/lora-folder.ts';
import { discardAbandoned } from '../files/receive-file.ts';
import { type BlobLinks, createBlobLinks } from '../service/blob-links.ts';
import { createLoraShelf, type LoraShelf } from '../service/lora-shelf.ts';
import { createLoraUploads, type LoraUploads } from '../service/lora-uploads.ts';
import { createLoras, type Loras } from '../service/loras.ts';
import type { Models } from '../service/models.ts';
import type { Profiles } from '../service/profiles.ts';
import { openBlobFiles } from '../store/blob-files.ts';
import { createBlobLedger } from '../store/blob-ledger.ts';
import type { BlobStore } from '../store/blob-store.ts';
import { createLinkSecret } from '../store/link-secret.ts';
import { createLoraRegistry } from '../store/lora-registry.ts';
import { openBlobStore } from '../store/open-blob-store.ts';
import { keepSweeping } from '../store/sweep.ts';
import type { Logger } from '../telemetry/logger.ts';
import { cacheDirectory, loraDirectory } from './folders.ts';
import type { Running } from './program.ts';

/** What a gateway does with files: pictures, LoRAs of the folder and uploaded ones, and the sweep of what nobody needs. */
export interface Storage extends Running {
  readonly blobs: BlobStore;
  readonly links: BlobLinks;
  readonly shelf: LoraShelf;
  readonly loras: Loras;
  readonly uploads: LoraUploads;
}

export async function openStorage(options: {
  readonly settings: Settings;
  readonly redis: Redis;
  readonly models: Models;
  readonly profiles: Profiles;
  readonly logger: Logger;
}): Promise<Storage> {
  const { settings, redis, models, profiles, logger } = options;
  const folder = openLoraFolder(await loraDirectory(settings));
  const blobs = await openBlobStore(settings);
  const files = await openBlobFiles({
    blobs,
    directory: cacheDirectory(settings, 'gateway'),
    maxBytes: settings.cacheMib * 2 ** 20,
  });
  const ledger = createBlobLedger(redis);
  const registry = createLoraRegistry(redis);
  const shelf = createLoraShelf({ folder, registry, files });
  const directory = join(settings.data, 'uploads');
  await discardAbandoned(directory);
  const stopSweeping = keepSweeping({ ledger, blobs, redis, logger });
  return {
    blobs,
    shelf,
    links: createBlobLinks({ blobs, secret: createLinkSecret(redis), now: Date.now }),
    loras: createLoras({ folder, registry, shelf, models, profiles }),
    uploads: createLoraUploads({
      ...{ folder, registry, ledger, blobs, models, profiles, directory, logger },
      now: Date.now,
    }),
    async close() {
      await stopSweeping();
      blobs.close();
    },
  };
}
