import { createHash } from 'node:crypto';
import type { BlobLedger, Holder } from './blob-ledger.ts';
import type { BlobStore } from './blob-store.ts';

/** Stores bytes for a holder, which is said before they are there: a sweep never finds them without one. Resolves with their sha256. */
export async function keepBlob(
  { ledger, blobs }: { readonly ledger: BlobLedger; readonly blobs: BlobStore },
  bytes: Uint8Array,
  holder: Holder,
): Promise<string> {
  await ledger.hold(createHash('sha256').update(bytes).digest('hex'), holder);
  return await blobs.put(bytes);
}
