import { BlockList, isIP } from 'node:net';

/**
 * Addresses and networks as a setting names them, `10.0.0.7, 10.1.0.0/16, fd00::/8`, and whether an address is one of them. A network
 * of everybody (`/0`) is refused: whoever trusts that trusts nobody's word in particular.
 */

/** Whether an address lies in the networks; false for what is no address. */
export type InNetworks = (address: string) => boolean;

/** Undefined where the text holds anything else. */
export function parseNetworks(text: string): InNetworks | undefined {
  const list = new BlockList();
  for (const network of text.split(',')) {
    const [, address = '', prefix] = /^\s*([^/\s]+)(?:\/(\d{1,3}))?\s*$/.exec(network) ?? [];
    const family = familyOf(address);
    if (family === undefined) return undefined;
    const bits = family === 'ipv4' ? 32 : 128;
    const length = prefix === undefined ? bits : Number(prefix);
    if (length < 1 || length > bits) return undefined;
    list.addSubnet(address, length, family);
  }
  return (address) => {
    const family = familyOf(address);
    return family !== undefined && list.check(address, family);
  };
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  const version = isIP(address);
  if (version === 0) return undefined;
  return version === 4 ? 'ipv4' : 'ipv6';
}
