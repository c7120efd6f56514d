import { isIPv4, isIPv6 } from 'node:net';
import { keepRecent } from './recent.ts';

/**
 * How many calls an address may make that no key answers for, so that strangers cannot keep a gateway and its Redis busy. Counted by
 * each gateway for itself, in memory: a look at Redis is just what it saves. This machine's own addresses have no limit.
 */
export interface AddressLimit {
  /** Counts one call. Returns 0, or the milliseconds after which one would be allowed; then nothing was counted. */
  count(address: string): number;
  /** Whether another call would be one too many. */
  isSpent(address: string): boolean;
}

/** The addresses that called last; who has not called for a minute owes nothing. */
const ADDRESSES = 10_000;
const MINUTE_MS = 60_000;

/** The generic cell rate algorithm, as in store/allowances.ts: a minute's calls may come at once, then one as often as the rate allows. */
export function createAddressLimit(options: { readonly perMinute: number; readonly now: () => number }): AddressLimit {
  const { perMinute, now } = options;
  const intervalMs = MINUTE_MS / perMinute;
  /** The time up to which an address' calls so far would take at their even rate. */
  const arrivals = keepRecent<number>(ADDRESSES);
  const waitMs = (arrival: number) => Math.max(0, Math.ceil(arrival - MINUTE_MS - now()));
  const arrivalAfter = (name: string) => Math.max(arrivals.get(name) ?? 0, now()) + intervalMs;

  return {
    count(address) {
      const name = networkOf(address);
      if (name === undefined) return 0;
      const arrival = arrivalAfter(name);
      const wait = waitMs(arrival);
      if (wait > 0) return wait;
      arrivals.set(name, arrival);
      return 0;
    },
    isSpent(address) {
      const name = networkOf(address);
      return name !== undefined && waitMs(arrivalAfter(name)) > 0;
    },
  };
}

/** What counts as one caller: an IPv4 address, or the /64 of IPv6 that one customer has. Undefined for this machine. */
export function networkOf(address: string): string | undefined {
  const plain = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  const v4 = plain.replace(/^::ffff:/i, '');
  if (isIPv4(v4)) return v4.startsWith('127.') ? undefined : v4;
  if (!isIPv6(plain)) return plain;
  if (plain === '::1') return undefined;
  const [head = '', tail] = plain.toLowerCase().split('::');
  const [left, right] = [head, tail ?? ''].map((part) => (part === '' ? [] : part.split(':')));
  const zeros = tail === undefined ? 0 : 8 - (left?.length ?? 0) - (right?.length ?? 0);
  const groups = [...(left ?? []), ...Array<string>(zeros).fill('0'), ...(right ?? [])];
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
