import { expect, test } from 'vitest';
import { parseNetworks } from '../../../src/config/networks.ts';
import { clientAddress } from '../../../src/service/client-address.ts';

const nobody = () => false;
const isProxy = parseNetworks('10.0.0.0/8,fd00::/8') ?? nobody;

test('where no proxy is named, the one who has connected is the caller, whatever a header says', () => {
  expect(clientAddress('203.0.113.5', '127.0.0.1', nobody)).toBe('203.0.113.5');
  expect(clientAddress('127.0.0.1', '203.0.113.5', nobody)).toBe('127.0.0.1');
});

test('who is no proxy is not believed', () => {
  expect(clientAddress('203.0.113.5', '127.0.0.1, 10.0.0.1', isProxy)).toBe('203.0.113.5');
});

test('the caller is whom the nearest proxy has heard, whatever the caller has claimed', () => {
  expect(clientAddress('10.0.0.1', '127.0.0.1, 203.0.113.5', isProxy)).toBe('203.0.113.5');
  expect(clientAddress('10.0.0.1', '10.0.0.9, 203.0.113.5', isProxy)).toBe('203.0.113.5');
});

test('proxies in a row are passed by', () => {
  expect(clientAddress('::ffff:10.0.0.1', '198.51.100.1,203.0.113.5, 10.0.0.2 ,fd00::2', isProxy)).toBe('203.0.113.5');
});

test('a proxy that says nothing calls for itself, and so do proxies alone', () => {
  expect(clientAddress('10.0.0.1', undefined, isProxy)).toBe('10.0.0.1');
  expect(clientAddress('10.0.0.1', '', isProxy)).toBe('10.0.0.1');
  expect(clientAddress('10.0.0.1', '10.0.0.2', isProxy)).toBe('10.0.0.2');
});

test.each(['unknown', '_hidden', '203.0.113.5:', '[nothing]:1', '203.0.113.5, '])(
  '%j counts for who says it',
  (said) => {
    expect(clientAddress('10.0.0.1', `192.0.2.1, ${said}`, isProxy)).toBe('10.0.0.1');
  },
);

test.each([
  ['203.0.113.5:4711', '203.0.113.5'],
  ['[2001:db8::1]:4711', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['2001:db8::1', '2001:db8::1'],
])('%s is %s', (said, address) => {
  expect(clientAddress('10.0.0.1', said, isProxy)).toBe(address);
});
