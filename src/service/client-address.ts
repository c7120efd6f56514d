import { isIP } from 'node:net';

/**
 * The address from which a call comes. Anybody can write an `X-Forwarded-For`, so it is believed only as far as it was written by a
 * proxy that this deployment names: read from its end, where the nearest proxy has put whom it heard, up to the first who is none.
 */

/** Whether an address is one of a proxy that stands before this service. */
export type IsProxy = (address: string) => boolean;

/** `peer` is who has connected; `forwardedFor` the header, or the metadata of that name. */
export function clientAddress(peer: string, forwardedFor: string | undefined, isProxy: IsProxy): string {
  let client = peer;
  for (const entry of (forwardedFor ?? '').split(',').reverse()) {
    if (!isProxy(client)) break;
    const next = addressIn(entry.trim());
    // What cannot be read, as `unknown`, counts for the proxy that has said it.
    if (next === undefined) break;
    client = next;
  }
  return client;
}

/** Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. It is another one for each connection. */
function addressIn(entry: string): string | undefined {
  const [, bracketed, plain] = /^\[([^\]]*)\](?::\d+)?$|^([\d.]+):\d+$/.exec(entry) ?? [];
  const address = bracketed ?? plain ?? entry;
  return isIP(address) === 0 ? undefined : address;
}
