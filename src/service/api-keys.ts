import { randomBytes } from 'node:crypto';
import { type ApiKey, parseKeyRequest, parseRotation, type ShownApiKey } from '../contract/api-key.ts';
import { ServiceError } from '../contract/errors.ts';
import type { KeyStore } from '../store/key-store.ts';
import { digest } from './access.ts';
import { reaching } from './reaching.ts';

/** Who may do what: the keys there are. For callers with the scope `admin`, whose doors ask for it. */
export interface ApiKeys {
  /** Throws an InputError for a request that is none. */
  create(body: unknown): Promise<NewApiKey>;
  list(): Promise<readonly ShownApiKey[]>;
  /** The key stops working, on every gateway, within a second. Throws `not_found`. */
  revoke(kid: string): Promise<void>;
  /** A second key like the first, which goes on working for a while (a day where it is not said). Throws `not_found`. */
  rotate(kid: string, body: unknown): Promise<NewApiKey>;
}

export interface NewApiKey extends ShownApiKey {
  /** The whole key, `kid.secret`: now, and never again. */
  readonly key: string;
}

const OVERLAP_S = 24 * 3600;

export function createApiKeys(store: KeyStore, now: () => number): ApiKeys {
  async function add(key: Omit<ApiKey, 'kid' | 'secret_sha256' | 'created_at'>): Promise<NewApiKey> {
    const token = generateApiKey();
    const [kid = '', secret = ''] = token.split('.');
    const shown: ShownApiKey = { kid, ...key, created_at: timeAfter(0) };
    await reaching('Redis', () => store.put({ ...shown, secret_sha256: digest(secret).toString('hex') }));
    return { key: token, ...shown };
  }
  const timeAfter = (seconds: number) => new Date(now() + seconds * 1000).toISOString();

  return {
    async create(body) {
      const request = parseKeyRequest(body);
      return await add({
        owner: request.owner,
        scopes: request.scopes,
        expires_at: request.expires_in_s === undefined ? null : timeAfter(request.expires_in_s),
        note: request.note ?? '',
        requests_per_minute: request.requests_per_minute ?? null,
        pictures_per_day: request.pictures_per_day ?? null,
      });
    },
    async list() {
      return (await reaching('Redis', () => store.list())).map(({ secret_sha256: _, ...shown }) => shown);
    },
    async revoke(kid) {
      if (!(await reaching('Redis', () => store.remove(kid)))) throw noSuchKey(kid);
    },
    async rotate(kid, body) {
      const { overlap_s: overlapS = OVERLAP_S } = parseRotation(body ?? {});
      const old = await reaching('Redis', () => store.find(kid));
      if (old === undefined) throw noSuchKey(kid);
      const { kid: _kid, secret_sha256: _sha256, created_at: _created, ...same } = old;
      const added = await add(same);
      const end = timeAfter(overlapS);
      const isSooner = old.expires_at === null || end < old.expires_at;
      if (isSooner) await reaching('Redis', () => store.put({ ...old, expires_at: end }));
      return added;
    },
  };
}

/** A new key, of which nobody knows yet. */
export function generateApiKey(): string {
  return `ot_${randomBytes(6).toString('hex')}.${randomBytes(32).toString('base64url')}`;
}

function noSuchKey(kid: string): ServiceError {
  return new ServiceError('not_found', `there is no API key '${kid}'`);
}
