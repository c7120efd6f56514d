import type { BlobStore } from './blob-store.ts';
import { createDiskBlobs } from './disk-blobs.ts';
import { openS3Blobs } from './s3-blobs.ts';

/** What decides where blobs lie. */
export interface BlobSettings {
  /** The folder of everything that a deployment keeps on disk. */
  readonly data: string;
  /** `s3://bucket/prefix`; undefined for that folder. */
  readonly blobs: string | undefined;
  readonly s3Endpoint: string | undefined;
  readonly s3Region: string;
}

export async function openBlobStore(settings: BlobSettings): Promise<BlobStore> {
  const { data, blobs, s3Endpoint: endpoint, s3Region: region } = settings;
  if (blobs === undefined) return createDiskBlobs(data);
  const { hostname: bucket, pathname } = new URL(blobs);
  const prefix = pathname.replaceAll(/^\/+|\/+$/g, '');
  return await openS3Blobs({ bucket, prefix: prefix === '' ? '' : `${prefix}/`, endpoint, region });
}
