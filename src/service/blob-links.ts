import { createHmac, timingSafeEqual } from 'node:crypto';
import { ServiceError } from '../contract/errors.ts';
import { LIMITS } from '../contract/limits.ts';
import { CONTENT_TYPES, type ImageContentType } from '../contract/output.ts';
import { InputError } from '../core/problem.ts';
import type { BlobStore } from '../store/blob-store.ts';
import { reaching } from './reaching.ts';

/**
 * Links by which anybody can fetch one picture for a while: for a browser or a mail, which send no key. Where blobs lie in a bucket it
 * serves them itself; else a gateway does, by a signature over path, type and expiry.
 */
export interface BlobLinks {
  make(blob: { readonly sha256: string; readonly contentType: ImageContentType }, lifetimeS: number): Promise<BlobLink>;
  /** Throws `forbidden` for a link that we did not make, `expired` for one whose time has passed, and `not_found`. */
  open(link: SignedBlob): Promise<{ readonly bytes: Uint8Array; readonly contentType: ImageContentType }>;
}

export interface BlobLink {
  /** Relative to the gateway, or of a bucket's own. */
  readonly url: string;
  /** ISO 8601. */
  readonly expires_at: string;
}

/** What such a link's URL says. */
export interface SignedBlob {
  readonly sha256: string;
  readonly type: string;
  /** In seconds since 1970. */
  readonly expires: string;
  readonly signature: string;
}

export const BLOBS_PATH = '/v1/blobs';

export function createBlobLinks(parts: {
  readonly blobs: BlobStore;
  readonly secret: () => Promise<Buffer>;
  readonly now: () => number;
}): BlobLinks {
  const { blobs, now } = parts;
  const secret = () => reaching('Redis', parts.secret);

  async function signatureOf({ sha256, type, expires }: Omit<SignedBlob, 'signature'>): Promise<Buffer> {
    const signed = ['GET', `${BLOBS_PATH}/${sha256}`, type, expires].join('\n');
    return createHmac('sha256', await secret())
      .update(signed)
      .digest();
  }

  return {
    async make({ sha256, contentType: type }, lifetimeS) {
      if (!Number.isInteger(lifetimeS) || lifetimeS < 1 || lifetimeS > LIMITS.linkLifetimeSMax) {
        const message = `lifetime_s is ${lifetimeS}; must be an integer from 1 to ${LIMITS.linkLifetimeSMax}`;
        throw new InputError([{ code: 'invalid_request', subject: 'lifetime_s', message }]);
      }
      const expiresMs = Math.floor(now() / 1000 + lifetimeS) * 1000;
      const expires_at = new Date(expiresMs).toISOString();
      const direct = await reaching('the store of pictures', () =>
        blobs.link(sha256, { contentType: type, lifetimeS }),
      );
      if (direct !== undefined) return { url: direct, expires_at };
      const expires = `${expiresMs / 1000}`;
      const signature = (await signatureOf({ sha256, type, expires })).toString('base64url');
      return { url: `${BLOBS_PATH}/${sha256}?${new URLSearchParams({ type, expires, signature })}`, expires_at };
    },

    async open(link) {
      const { sha256, type, expires } = link;
      const given = Buffer.from(link.signature, 'base64url');
      const expected = await signatureOf({ sha256, type, expires });
      const contentType = Object.values(CONTENT_TYPES).find((known) => known === type);
      if (given.length !== expected.length || !timingSafeEqual(given, expected) || contentType === undefined) {
        throw new ServiceError('forbidden', 'the link is not one that this service has made');
      }
      if (now() >= Number(expires) * 1000) throw new ServiceError('expired', `the link was good until ${expires}`);
      const bytes = await reaching('the store of pictures', () => blobs.get(sha256));
      if (bytes === undefined) throw new ServiceError('not_found', 'the picture has expired');
      return { bytes, contentType };
    },
  };
}
