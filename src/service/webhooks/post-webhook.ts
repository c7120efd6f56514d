import { lookup } from 'node:dns/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { isPublicAddress } from './public-address.ts';
import { hostOf, type WebhookPolicy } from './webhook-url.ts';

/** A name to its addresses. */
export type Resolve = (host: string) => Promise<readonly { readonly address: string; readonly family: number }[]>;

const TIMEOUT_MS = 10_000;

/**
 * Posts once, and resolves with the status of the answer, whose body is not read. The name is resolved first and the connection goes
 * to the address that was looked at, so that a name which leads elsewhere the next moment gains nothing. Follows no redirect: its
 * status is the answer. Rejects where nobody answers in time, or the address is not allowed.
 */
export async function postWebhook(options: {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly policy: WebhookPolicy;
  readonly resolve?: Resolve;
}): Promise<number> {
  const { headers, body, policy, resolve = resolveName } = options;
  const url = new URL(options.url);
  const pinned = await allowedAddress(hostOf(url), policy, resolve);
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return await new Promise((resolvePromise, reject) => {
    const call = request(
      url,
      {
        method: 'POST',
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
        // A connection of its own: one that is kept could have been opened under another rule.
        agent: false,
        lookup: pinTo(pinned),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      },
      (response) => {
        resolvePromise(response.statusCode ?? 0);
        response.destroy();
      },
    );
    call.once('error', reject);
    call.end(body);
  });
}

interface Address {
  readonly address: string;
  readonly family: number;
}

/** The first address of a name, where all of them are allowed: a name that leads inside by one of several is up to no good. */
async function allowedAddress(host: string, policy: WebhookPolicy, resolve: Resolve): Promise<Address> {
  const version = isIP(host);
  const addresses = version === 0 ? await resolve(host) : [{ address: host, family: version }];
  const [first] = addresses;
  if (first === undefined) throw new Error(`${host} has no address`);
  const inside = policy === 'any' ? undefined : addresses.find(({ address }) => !isPublicAddress(address));
  if (inside !== undefined) throw new Error(`${host} leads to ${inside.address}, which is not a public address`);
  return first;
}

async function resolveName(host: string): Promise<readonly Address[]> {
  return await lookup(host, { all: true, verbatim: true });
}

/** What a connection asks for the address of its host: always answered with the same one. */
function pinTo({ address, family }: Address): LookupFunction {
  return (_host, options, callback) => {
    if (options.all) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
}
