import type { Readable } from 'node:stream';

/**
 * Bytes under the hash of what they are: written once, never changed, the same for everything that makes them. Where they lie is
 * settled by who opens the store (`open-blob-store.ts`); who still needs them is in the ledger (`blob-ledger.ts`).
 */
export interface BlobStore {
  /** Stores the bytes durably and returns their sha256 in hex. Storing the same bytes again changes nothing. */
  put(bytes: Uint8Array): Promise<string>;
  /** Stores a file, which stays where it is. The caller knows the hash because it has just computed it. */
  putFile(path: string, sha256: string): Promise<void>;
  /** Undefined if there is no such blob. */
  get(sha256: string): Promise<Uint8Array | undefined>;
  /** The same for a blob too large to hold: read it to its end, or destroy it. */
  open(sha256: string): Promise<Readable | undefined>;
  /** Nothing happens if there is no such blob. */
  remove(sha256: string): Promise<void>;
  /** Forgets what writers left behind that died while they wrote. Blobs are not touched. */
  tidy(): Promise<void>;
  /** The path of a blob that lies on this machine's disk; undefined where it is not there, or blobs lie elsewhere. */
  localPath(sha256: string): Promise<string | undefined>;
  /** A link by which anybody can fetch the blob for so long, straight from where it lies; undefined where nobody serves it there. */
  link(
    sha256: string,
    options: { readonly contentType: string; readonly lifetimeS: number },
  ): Promise<string | undefined>;
  close(): void;
}

/** Where a blob lies below the root of its store. */
export function blobKey(sha256: string): string {
  return `blobs/sha256/${sha256.slice(0, 2)}/${sha256.slice(2)}`;
}
