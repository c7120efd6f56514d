import { ServiceError } from '../contract/errors.ts';

/**
 * The sha256 of a body as its headers announce it, in hex: `Repr-Digest` and `Content-Digest` (RFC 9530, `sha-256=:base64:`), or the
 * older `Digest` (RFC 3230, `SHA-256=base64`). Undefined where none of them is there; throws `invalid_request` where one cannot be read.
 */
export function announcedSha256(headers: Readonly<Record<string, string | string[] | undefined>>): string | undefined {
  for (const name of ['repr-digest', 'content-digest', 'digest']) {
    const header = headers[name]?.toString();
    if (header === undefined) continue;
    const [, base64] = /(?:^|,)\s*sha-256=:?([A-Za-z0-9+/]{43}=):?\s*(?:,|$)/i.exec(header) ?? [];
    if (base64 !== undefined) return Buffer.from(base64, 'base64').toString('hex');
    const message = `${name} is ${JSON.stringify(header.slice(0, 80))}; must be sha-256=:...: with the hash in base64`;
    throw new ServiceError('invalid_request', message);
  }
  return undefined;
}
