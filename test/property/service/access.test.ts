import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ServiceError } from '../../../src/contract/errors.ts';
import { InputError } from '../../../src/core/problem.ts';
import { createKeyAccess } from '../../../src/service/access.ts';
import { createAddressLimit } from '../../../src/service/address-limit.ts';
import { isPublicAddress } from '../../../src/service/webhooks/public-address.ts';
import { checkWebhookUrl } from '../../../src/service/webhooks/webhook-url.ts';

const access = createKeyAccess({
  keys: { find: async () => undefined, list: async () => [], put: async () => {}, remove: async () => false },
  allowances: { countCall: async () => 0, countPictures: async () => 0 },
  adminKey: `ot_aaaaaaaaaaaa.${'a'.repeat(43)}`,
  strangers: createAddressLimit({ perMinute: 1, now: Date.now }),
  requestsPerMinute: 1,
  picturesPerDay: null,
  now: () => 0,
});

const headers = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc
    .tuple(fc.constantFrom('Bearer ', 'Basic ', 'basic  '), fc.oneof(fc.string(), fc.base64String()))
    .map((parts) => parts.join('')),
  fc.string({ minLength: 43, maxLength: 43 }).map((secret) => `Bearer ot_aaaaaaaaaaaa.${secret}`),
);

test('whatever a header holds that is no key, it is never let in and never an accident', async () => {
  await fc.assert(
    fc.asyncProperty(headers, async (header) => {
      const outcome = await access.admit(header, ['generate']).catch((error: unknown) => error);
      expect(outcome).toBeInstanceOf(ServiceError);
      expect(outcome).toMatchObject({ code: 'unauthenticated' });
    }),
    { numRuns: 500 },
  );
});

test('no way to write an address inside passes for one outside', () => {
  const inside = fc.oneof(
    fc.tuple(fc.constant(127), fc.nat(255), fc.nat(255), fc.nat(255)),
    fc.tuple(fc.constant(10), fc.nat(255), fc.nat(255), fc.nat(255)),
    fc.tuple(fc.constant(169), fc.constant(254), fc.nat(255), fc.nat(255)),
    fc.tuple(fc.constant(192), fc.constant(168), fc.nat(255), fc.nat(255)),
  );
  const written = inside.chain(([a, b, c, d]) => {
    const number = ((a * 256 + b) * 256 + c) * 256 + d;
    const hex = (value: number) => value.toString(16).padStart(2, '0');
    return fc.constantFrom(
      `${a}.${b}.${c}.${d}`,
      String(number),
      `0x${number.toString(16)}`,
      `0${number.toString(8)}`,
      `${a}.${number % 2 ** 24}`,
      `0x${a.toString(16)}.0${b.toString(8)}.${c}.0x${d.toString(16)}`,
      `[::ffff:${a}.${b}.${c}.${d}]`,
      `[::ffff:${hex(a)}${hex(b)}:${hex(c)}${hex(d)}]`,
      `[64:ff9b::${hex(a)}${hex(b)}:${hex(c)}${hex(d)}]`,
      `[2002:${hex(a)}${hex(b)}:${hex(c)}${hex(d)}::]`,
    );
  });
  fc.assert(
    fc.property(written, (host) => {
      expect(() => checkWebhookUrl(`http://${host}/hook`, 'public')).toThrow(InputError);
    }),
    { numRuns: 500 },
  );
});

test('an address that is no address is never public', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      fc.pre(!/^\d+\.\d+\.\d+\.\d+$/.test(text) && !text.includes(':'));
      expect(isPublicAddress(text)).toBe(false);
    }),
  );
});
