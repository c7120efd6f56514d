import { parseNetworks } from '../config/networks.ts';
import { SCHEMA } from '../config/schema.ts';
import type { Settings } from '../config/settings.ts';
import { InputError } from '../core/problem.ts';
import { type Access, createKeyAccess, createOpenAccess } from '../service/access.ts';
import { createAddressLimit } from '../service/address-limit.ts';
import type { IsProxy } from '../service/client-address.ts';
import type { Allowances } from '../store/allowances.ts';
import type { KeyStore } from '../store/key-store.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Which addresses are proxies, by the settings. */
export function proxiesOf({ proxies }: Settings): IsProxy {
  const isNamed = proxies === undefined ? undefined : parseNetworks(proxies);
  return isNamed ?? (() => false);
}

/** Who is served, by the settings: everybody where only this machine can call, or where a setting says so; else who has a key. */
export function decideAccess(options: {
  readonly settings: Settings;
  readonly keys: KeyStore;
  readonly allowances: Allowances;
}): Access {
  const { settings, keys, allowances } = options;
  const { adminKey, requestsPerMinute, picturesPerDay = null, strangersPerMinute } = settings;
  const strangers = createAddressLimit({ perMinute: strangersPerMinute, now: Date.now });
  if (isOpen(settings)) return createOpenAccess(strangers);
  return createKeyAccess({
    ...{ keys, allowances, strangers, adminKey, requestsPerMinute, picturesPerDay },
    now: Date.now,
  });
}

/**
 * Throws an InputError where the service would let nobody in, which is how it looks when somebody has moved it off loopback and not
 * thought of keys.
 */
export async function checkAccess(options: {
  readonly settings: Settings;
  readonly keys: KeyStore;
  readonly logger: Logger;
}): Promise<void> {
  const { settings, keys, logger } = options;
  const { httpHost, grpcHost, proxies, adminKey } = settings;
  if (isOpen(settings)) {
    if (!isAlone(settings))
      logger.warn({ httpHost, grpcHost, proxies }, 'open to everybody who can reach it, as OVERTONE_ACCESS says');
    return;
  }
  if (adminKey !== undefined) return;
  const known = await keys.list().catch((error: unknown) => {
    logger.warn({ err: error }, 'cannot tell whether there are API keys; without one, nobody is let in');
    return undefined;
  });
  if (known === undefined || known.length > 0) return;
  const { env, flag } = SCHEMA.access;
  const message =
    `there are no API keys, and on ${httpHost} and ${grpcHost}${proxies === undefined ? '' : ' behind a proxy'} nobody is served without one. Give the service a first key ` +
    `(npx overtone keys generate > key; ${SCHEMA.adminKey.flag}-file key), or let everybody in (${flag} open)`;
  throw new InputError([{ code: 'invalid_request', subject: env, message }]);
}

/** Whether everybody is served who can reach the service. */
export function isOpen(settings: Settings): boolean {
  return settings.access === undefined ? isAlone(settings) : settings.access === 'open';
}

/** Whether only this machine can call. A proxy on this machine calls for others. */
function isAlone({ httpHost, grpcHost, proxies }: Settings): boolean {
  return isLoopback(httpHost) && isLoopback(grpcHost) && proxies === undefined;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}
