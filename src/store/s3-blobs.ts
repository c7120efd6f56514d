import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { PutObjectCommandInput } from '@aws-sdk/client-s3';
import { type BlobStore, blobKey } from './blob-store.ts';

/**
 * Blobs in a bucket of S3, or of anything that speaks its protocol, for machines that share no disk. Credentials are found as every
 * tool of AWS finds them. The client is a large package: it is loaded here, when a bucket is used, and nowhere else.
 */

export interface S3Location {
  readonly bucket: string;
  /** In front of every key: empty, or it ends with a slash. */
  readonly prefix: string;
  /** Where the bucket is served; undefined for AWS itself. */
  readonly endpoint: string | undefined;
  readonly region: string;
}

/** A bucket that is away must become an error before whoever asked has given up. */
const REQUEST = { connectionTimeout: 3_000, requestTimeout: 20_000, throwOnRequestTimeout: true };
const ATTEMPTS = 3;

export async function openS3Blobs({ bucket, prefix, endpoint, region }: S3Location): Promise<BlobStore> {
  const { S3Client, PutObjectCommand, GetObjectCommand, HeadObjectCommand, DeleteObjectCommand } = await import(
    '@aws-sdk/client-s3'
  );
  const client = new S3Client({
    region,
    // Servers other than AWS seldom have a name for each bucket.
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    maxAttempts: ATTEMPTS,
    requestHandler: REQUEST,
    // We send the hash of what we store; the checksums of newer clients are unknown to many servers.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  const at = (sha256: string) => ({ Bucket: bucket, Key: prefix + blobKey(sha256) });

  async function send(sha256: string, body: Pick<PutObjectCommandInput, 'Body' | 'ContentLength'>): Promise<void> {
    const ChecksumSHA256 = Buffer.from(sha256, 'hex').toString('base64');
    await client.send(new PutObjectCommand({ ...at(sha256), ...body, ChecksumSHA256 }));
  }

  async function open(sha256: string): Promise<Readable | undefined> {
    const { Body } = (await unlessAbsent(client.send(new GetObjectCommand(at(sha256))))) ?? {};
    if (Body !== undefined && !(Body instanceof Readable)) throw new Error('S3 answered with no stream of Node');
    return Body;
  }

  return {
    async put(bytes) {
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      await send(sha256, { Body: bytes, ContentLength: bytes.length });
      return sha256;
    },

    async putFile(path, sha256) {
      if ((await unlessAbsent(client.send(new HeadObjectCommand(at(sha256))))) !== undefined) return;
      const { size } = await stat(path);
      await send(sha256, { Body: createReadStream(path), ContentLength: size });
    },

    async get(sha256) {
      const body = await open(sha256);
      return body === undefined ? undefined : Buffer.concat(await body.toArray());
    },

    open,

    async remove(sha256) {
      await client.send(new DeleteObjectCommand(at(sha256)));
    },

    // An object is there once it is whole; what was cut off was never there.
    async tidy() {},

    localPath: async () => undefined,

    async link(sha256, { contentType, lifetimeS }) {
      const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner');
      const command = new GetObjectCommand({ ...at(sha256), ResponseContentType: contentType });
      return await getSignedUrl(client, command, { expiresIn: lifetimeS });
    },

    close: () => client.destroy(),
  };
}

async function unlessAbsent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Error && ['NoSuchKey', 'NotFound'].includes(error.name)) return undefined;
    throw error;
  }
}
