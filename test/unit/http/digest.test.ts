import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { announcedSha256 } from '../../../src/http/digest.ts';

const hash = createHash('sha256').update('a file').digest();
const [base64, hex] = [hash.toString('base64'), hash.toString('hex')];

test.each([
  ['repr-digest', `sha-256=:${base64}:`],
  ['repr-digest', `md5=:AAAA:, sha-256=:${base64}:`],
  ['content-digest', `sha-256=:${base64}:`],
  ['digest', `SHA-256=${base64}`],
  ['digest', `sha-256=${base64},md5=AAAA`],
])('%s: %s announces the hash', (name, value) => {
  expect(announcedSha256({ [name]: value })).toBe(hex);
});

test('where nothing is announced there is no hash, and what cannot be read is refused', () => {
  expect(announcedSha256({})).toBeUndefined();
  for (const value of ['', 'sha-256=:AAAA:', 'md5=:AAAA:', `sha-512=:${base64}:`, `xsha-256=:${base64}:`]) {
    expect(() => announcedSha256({ 'repr-digest': value })).toThrow('repr-digest is');
  }
});
