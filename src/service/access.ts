import { createHash, timingSafeEqual } from 'node:crypto';
import { API_KEY_PATTERN, type ApiKey } from '../contract/api-key.ts';
import { ServiceError } from '../contract/errors.ts';
import { LOCAL, type Principal, SCOPES, type Scope } from '../contract/principal.ts';
import type { Allowances } from '../store/allowances.ts';
import type { KeyStore } from '../store/key-store.ts';
import type { AddressLimit } from './address-limit.ts';
import { reaching } from './reaching.ts';
import { keepRecent } from './recent.ts';

/** Finds out who calls, once for each call and before anything else is done for it. */
export interface Access {
  /**
   * Whose the credentials are (the value of an `Authorization` header), counted as one call of theirs. Throws `unauthenticated`,
   * `rate_limited`, or `forbidden` where their key has none of `scopes`. A call that no key answers for counts for its address; a
   * call without one comes from this process.
   */
  admit(credentials: string | undefined, scopes: readonly Scope[], address?: string): Promise<Principal>;
  /** Whether the same credentials would still be admitted. Counts nothing. Throws what `admit` throws, but `rate_limited`. */
  readmit(credentials: string | undefined, scopes: readonly Scope[]): Promise<void>;
  /** For what everybody may ask. Throws `rate_limited`. */
  admitStranger(address: string): void;
}

/** Everybody is the one owner of the service. */
export function createOpenAccess(strangers: AddressLimit): Access {
  const admitStranger = (address: string) => countStranger(strangers, address);
  return {
    async admit(_credentials, _scopes, address) {
      if (address !== undefined) admitStranger(address);
      return LOCAL;
    },
    readmit: async () => {},
    admitStranger,
  };
}

export interface KeyAccessParts {
  readonly keys: KeyStore;
  readonly allowances: Allowances;
  /** Of callers whose key is none. */
  readonly strangers: AddressLimit;
  /** The deployment's own key, which lies in no store. */
  readonly adminKey: string | undefined;
  readonly requestsPerMinute: number;
  readonly picturesPerDay: number | null;
  readonly now: () => number;
}

/** Only who has a key is served. */
export function createKeyAccess(parts: KeyAccessParts): Access {
  const { allowances, strangers, now } = parts;
  const admin = parts.adminKey === undefined ? undefined : adminKeyOf(parts.adminKey);
  const findStored = remembered((kid) => reaching('Redis', () => parts.keys.find(kid)), now);
  const find = async (kid: string) => (kid === admin?.kid ? admin : await findStored(kid));

  const everRight = keepRecent<true>(REMEMBERED_KEYS);

  /** The key that the credentials are; a message where they are none. `skip`: do not look for one that was never right. */
  async function keyOf(credentials: string | undefined, skip: boolean): Promise<ApiKey | string> {
    const token = tokenOf(credentials);
    if (token === undefined) return NO_KEY;
    const [kid = '', secret = ''] = token.split('.');
    if (skip && kid !== admin?.kid && everRight.get(kid) === undefined) return BAD_KEY;
    const key = await find(kid);
    // Compared also where there is no such key, so that the time taken does not tell.
    const isRight = timingSafeEqual(digest(secret), key === undefined ? NOBODY : Buffer.from(key.secret_sha256, 'hex'));
    if (key === undefined || !isRight || hasExpired(key, now())) return BAD_KEY;
    everRight.set(kid, true);
    return key;
  }

  return {
    async admit(credentials, scopes, address) {
      const isSpent = address !== undefined && strangers.isSpent(address);
      const key = await keyOf(credentials, isSpent);
      if (typeof key === 'string') {
        if (address !== undefined) countStranger(strangers, address);
        throw new ServiceError('unauthenticated', key);
      }
      const perMinute = key.requests_per_minute ?? parts.requestsPerMinute;
      const waitMs = await reaching('Redis', () => allowances.countCall(key.owner, perMinute));
      if (waitMs > 0) {
        const message = `more than ${perMinute} calls in a minute; try again later`;
        throw new ServiceError('rate_limited', message, { retryAfterS: Math.ceil(waitMs / 1000) });
      }
      expectScope(key, scopes);
      return {
        owner: key.owner,
        scopes: key.scopes,
        picturesPerDay: key.pictures_per_day ?? parts.picturesPerDay,
      };
    },
    async readmit(credentials, scopes) {
      const key = await keyOf(credentials, false);
      if (typeof key === 'string') throw new ServiceError('unauthenticated', key);
      expectScope(key, scopes);
    },
    admitStranger: (address) => countStranger(strangers, address),
  };
}

function countStranger(strangers: AddressLimit, address: string): void {
  const waitMs = strangers.count(address);
  if (waitMs === 0) return;
  const message = 'too many calls without a valid API key from this address; try again later';
  throw new ServiceError('rate_limited', message, { retryAfterS: Math.ceil(waitMs / 1000) });
}

function expectScope(key: ApiKey, scopes: readonly Scope[]): void {
  if (scopes.some((scope) => key.scopes.includes(scope))) return;
  const has = key.scopes.join(', ');
  throw new ServiceError('forbidden', `the API key has the scope ${has}; needed is ${scopes.join(' or ')}`);
}

const NO_KEY = "an API key is needed: 'Authorization: Bearer <key>'";
/** The same whatever is wrong with it. */
const BAD_KEY = 'the API key is not valid';

/** The SHA-256 that no secret has. */
const NOBODY = Buffer.alloc(32);

export function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

function hasExpired(key: ApiKey, now: number): boolean {
  return key.expires_at !== null && Date.parse(key.expires_at) <= now;
}

function adminKeyOf(token: string): ApiKey {
  const [kid = '', secret = ''] = token.split('.');
  return {
    kid,
    owner: 'admin',
    scopes: SCOPES,
    secret_sha256: digest(secret).toString('hex'),
    created_at: '',
    expires_at: null,
    note: '',
    requests_per_minute: null,
    pictures_per_day: null,
  };
}

/** The key in `Bearer <key>`, or in `Basic`, where a browser puts kid and secret as name and password. */
function tokenOf(credentials: string | undefined): string | undefined {
  const [, scheme = '', value = ''] = /^(bearer|basic) +([\w.~+/=-]{1,200}) *$/i.exec(credentials ?? '') ?? [];
  const token =
    scheme.toLowerCase() === 'basic' ? Buffer.from(value, 'base64').toString('latin1').replace(':', '.') : value;
  return API_KEY_PATTERN.test(token) ? token : undefined;
}

/** A key that is revoked still works for this long. */
const REMEMBER_MS = 1000;
const REMEMBERED_KEYS = 10_000;

/** One look-up of a key for all its calls of a moment. A look-up that fails, or finds nothing, is not kept. */
function remembered(
  find: (kid: string) => Promise<ApiKey | undefined>,
  now: () => number,
): (kid: string) => Promise<ApiKey | undefined> {
  const known = new Map<string, { readonly time: number; readonly key: Promise<ApiKey | undefined> }>();
  return (kid) => {
    const latest = known.get(kid);
    if (latest !== undefined && now() - latest.time < REMEMBER_MS) return latest.key;
    if (known.size >= REMEMBERED_KEYS) known.clear();
    const current = { time: now(), key: find(kid) };
    known.set(kid, current);
    const forget = () => {
      if (known.get(kid) === current) known.delete(kid);
    };
    current.key.then((key) => {
      if (key === undefined) forget();
    }, forget);
    return current.key;
  };
}
