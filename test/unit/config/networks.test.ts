import { expect, test } from 'vitest';
import { parseNetworks } from '../../../src/config/networks.ts';

test.each([
  ['10.0.0.7', '10.0.0.7', '10.0.0.8'],
  ['10.1.0.0/16', '10.1.255.255', '10.2.0.0'],
  ['10.1.2.3/16', '10.1.0.1', '10.2.2.3'],
  ['fd00::/8', 'fd12::1', 'fe80::1'],
  ['::1', '::1', '::2'],
  ['10.0.0.7, 10.1.0.0/16,fd00::/8', 'fd00::1', '10.0.0.6'],
])('%s has %s and not %s', (text, inside, outside) => {
  const isNamed = parseNetworks(text);
  expect([isNamed?.(inside), isNamed?.(outside)]).toEqual([true, false]);
});

test('an address of IPv4 is the same one where IPv6 has mapped it', () => {
  expect(parseNetworks('127.0.0.0/8')?.('::ffff:127.0.0.1')).toBe(true);
  expect(parseNetworks('127.0.0.0/8')?.('::1')).toBe(false);
});

test('what is no address lies in no network', () => {
  for (const text of ['', 'unknown', '10.0.0.7:80', '10.0.0']) expect(parseNetworks('10.0.0.0/8')?.(text)).toBe(false);
});

test.each([
  '',
  ',',
  '10.0.0.7,',
  'proxy.local',
  '10.0.0.7/33',
  '10.0.0.0/0',
  '::/0',
  'fd00::/129',
  '10.0.0.0/',
  '10.0.0.0/8/8',
  '10.0.0.7 10.0.0.8',
  '1',
  'true',
])('%j names no networks', (text) => {
  expect(parseNetworks(text)).toBeUndefined();
});
