import { expect, test } from 'vitest';
import type { ApiKey } from '../../../src/contract/api-key.ts';
import { ServiceError } from '../../../src/contract/errors.ts';
import { createKeyAccess, createOpenAccess, digest, type KeyAccessParts } from '../../../src/service/access.ts';
import { createAddressLimit } from '../../../src/service/address-limit.ts';

const SECRET = 's'.repeat(43);
const TOKEN = `ot_0123456789ab.${SECRET}`;
const ADMIN_KEY = `ot_aaaaaaaaaaaa.${'a'.repeat(43)}`;

const KEY: ApiKey = {
  kid: 'ot_0123456789ab',
  owner: 'ana',
  scopes: ['generate'],
  secret_sha256: digest(SECRET).toString('hex'),
  created_at: '2026-01-01T00:00:00.000Z',
  expires_at: null,
  note: '',
  requests_per_minute: null,
  pictures_per_day: null,
};

/** An access over keys in memory; every call is counted, and the fourth of an owner is one too many. */
function setUp(key: Partial<ApiKey> = {}) {
  const stored = new Map([[KEY.kid, { ...KEY, ...key }]]);
  const calls: string[] = [];
  const lookUps: string[] = [];
  const clock = { now: Date.parse('2026-01-02') };
  const parts: KeyAccessParts = {
    keys: {
      find: async (kid) => {
        lookUps.push(kid);
        return stored.get(kid);
      },
      list: async () => [...stored.values()],
      put: async () => {},
      remove: async () => true,
    },
    allowances: {
      countCall: async (owner, perMinute) => {
        calls.push(`${owner} ${perMinute}`);
        return calls.length > 3 ? 1500 : 0;
      },
      countPictures: async () => 0,
    },
    strangers: createAddressLimit({ perMinute: 2, now: () => clock.now }),
    adminKey: ADMIN_KEY,
    requestsPerMinute: 60,
    picturesPerDay: 100,
    now: () => clock.now,
  };
  return { access: createKeyAccess(parts), stored, calls, lookUps, clock };
}

async function refusal(call: Promise<unknown>): Promise<ServiceError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof ServiceError) return error;
  return expect.unreachable(`should be refused, and ended with ${error}`);
}

test('a key says whose it is, what it allows and how much', async () => {
  const { access, calls } = setUp();
  const caller = { owner: 'ana', scopes: ['generate'], picturesPerDay: 100 };
  expect(await access.admit(`Bearer ${TOKEN}`, ['generate'])).toEqual(caller);
  expect(await access.admit(`bearer  ${TOKEN} `, ['registry', 'generate'])).toEqual(caller);
  expect(calls).toEqual(['ana 60', 'ana 60']);
});

test('a browser sends kid and secret as name and password', async () => {
  const { access } = setUp();
  const basic = `Basic ${Buffer.from(TOKEN.replace('.', ':')).toString('base64')}`;
  expect((await access.admit(basic, ['generate'])).owner).toBe('ana');
});

test('what a key says of itself wins over the settings', async () => {
  const { access, calls } = setUp({ requests_per_minute: 5, pictures_per_day: 7 });
  expect(await access.admit(`Bearer ${TOKEN}`, ['generate'])).toMatchObject({ picturesPerDay: 7 });
  expect(calls).toEqual(['ana 5']);
});

test.each([
  ['a wrong secret', `Bearer ot_0123456789ab.${'t'.repeat(43)}`, {}],
  ['an unknown kid', `Bearer ot_ffffffffffff.${SECRET}`, {}],
  ['a key that has expired', `Bearer ${TOKEN}`, { expires_at: '2026-01-02T00:00:00.000Z' }],
])('%s is refused in the same words, and counts for nobody', async (_, credentials, key) => {
  const { access, calls } = setUp(key);
  const error = await refusal(access.admit(credentials, ['generate']));
  expect([error.code, error.message]).toEqual(['unauthenticated', 'the API key is not valid']);
  expect(calls).toEqual([]);
});

test.each([
  ['nothing', undefined],
  ['an empty header', ''],
  ['a bare key', TOKEN],
  ['half a key', 'Bearer ot_0123456789ab'],
  ['a key with more behind it', `Bearer ${TOKEN}.x`],
  ['an empty secret', 'Bearer ot_0123456789ab.'],
])('%s is no key', async (_, credentials) => {
  const error = await refusal(setUp().access.admit(credentials, ['generate']));
  expect([error.code, error.message]).toEqual(['unauthenticated', expect.stringContaining('Authorization: Bearer')]);
});

test('a key opens only what its scopes open', async () => {
  const { access } = setUp();
  const error = await refusal(access.admit(`Bearer ${TOKEN}`, ['admin']));
  expect([error.code, error.message]).toEqual(['forbidden', 'the API key has the scope generate; needed is admin']);
});

test('the key of the deployment opens everything, and lies in no store', async () => {
  const { access, stored } = setUp();
  stored.clear();
  const caller = await access.admit(`Bearer ${ADMIN_KEY}`, ['admin']);
  expect(caller).toMatchObject({ owner: 'admin', scopes: ['generate', 'registry', 'metrics', 'admin'] });
  const wrong = `Bearer ot_aaaaaaaaaaaa.${'b'.repeat(43)}`;
  expect((await refusal(access.admit(wrong, ['admin']))).code).toBe('unauthenticated');
});

test('one call too many is told when to come again', async () => {
  const { access } = setUp();
  const call = () => access.admit(`Bearer ${TOKEN}`, ['generate']);
  for (let round = 0; round < 3; round++) await call();
  const error = await refusal(call());
  expect([error.code, error.retryAfterS]).toEqual(['rate_limited', 2]);
});

test('a key that is revoked stops working within a second', async () => {
  const { access, stored, clock } = setUp();
  await access.admit(`Bearer ${TOKEN}`, ['generate']);
  stored.clear();
  clock.now += 1000;
  expect((await refusal(access.admit(`Bearer ${TOKEN}`, ['generate']))).code).toBe('unauthenticated');
});

test('a key that is new works at once, even where it was asked for before', async () => {
  const { access, stored } = setUp();
  stored.clear();
  await refusal(access.admit(`Bearer ${TOKEN}`, ['generate']));
  stored.set(KEY.kid, KEY);
  expect((await access.admit(`Bearer ${TOKEN}`, ['generate'])).owner).toBe('ana');
});

test('wrong keys of one address are counted, and Redis is not asked for more than the limit of them', async () => {
  const { access, lookUps, clock } = setUp();
  const wrong = `Bearer ot_ffffffffffff.${SECRET}`;
  const guess = () => refusal(access.admit(wrong, ['generate'], '192.0.2.1'));
  for (const code of ['unauthenticated', 'unauthenticated', 'rate_limited', 'rate_limited']) {
    expect((await guess()).code).toBe(code);
  }
  expect(lookUps).toHaveLength(2);
  expect((await guess()).retryAfterS).toBe(30);
  expect((await refusal(access.admit(wrong, ['generate'], '192.0.2.2'))).code).toBe('unauthenticated');
  clock.now += 30_000;
  expect((await guess()).code).toBe('unauthenticated');
});

test('a key that was right before is let in from an address that others have spent', async () => {
  const { access } = setUp();
  await access.admit(`Bearer ${TOKEN}`, ['generate'], '198.51.100.1');
  for (let count = 0; count < 3; count += 1) await refusal(access.admit(undefined, ['generate'], '192.0.2.1'));
  expect((await access.admit(`Bearer ${TOKEN}`, ['generate'], '192.0.2.1')).owner).toBe('ana');
  expect((await access.admit(`Bearer ${ADMIN_KEY}`, ['admin'], '192.0.2.1')).owner).toBe('admin');
});

test('a key is looked at again without being counted', async () => {
  const { access, calls, stored, clock } = setUp();
  await access.readmit(`Bearer ${TOKEN}`, ['generate']);
  expect(calls).toEqual([]);
  expect((await refusal(access.readmit(`Bearer ${TOKEN}`, ['admin']))).code).toBe('forbidden');
  stored.clear();
  clock.now += 1001;
  expect((await refusal(access.readmit(`Bearer ${TOKEN}`, ['generate']))).code).toBe('unauthenticated');
});

test('where everybody is served, an address has its limit', async () => {
  const access = createOpenAccess(createAddressLimit({ perMinute: 2, now: () => 0 }));
  for (let count = 0; count < 2; count += 1) await access.admit(undefined, ['generate'], '192.0.2.1');
  expect((await refusal(access.admit(undefined, ['generate'], '192.0.2.1'))).code).toBe('rate_limited');
  for (let count = 0; count < 9; count += 1) await access.admit(undefined, ['generate'], '::ffff:127.0.0.1');
});
