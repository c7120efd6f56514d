import { expect, test } from 'vitest';
import { createAddressLimit, networkOf } from '../../../src/service/address-limit.ts';

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:0DB8:1:2::9', '2001:db8:1:2'],
  ['[2001:db8::1]', '2001:db8:0:0'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
  ['127.0.0.1', undefined],
  ['[::1]', undefined],
  ['::ffff:127.1.2.3', undefined],
])('%s counts as %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});

test('a minute of calls may come at once, and then one as often as the rate allows', () => {
  const clock = { now: 1_000_000 };
  const limit = createAddressLimit({ perMinute: 60, now: () => clock.now });
  const counted = () => Array.from({ length: 100 }, () => limit.count('192.0.2.1')).filter((wait) => wait === 0).length;
  expect(counted()).toBe(60);
  expect(limit.count('192.0.2.1')).toBe(1000);
  expect([limit.isSpent('192.0.2.1'), limit.isSpent('192.0.2.2')]).toEqual([true, false]);
  clock.now += 3000;
  expect(counted()).toBe(3);
});

test('no flood of addresses takes more than its room', () => {
  const limit = createAddressLimit({ perMinute: 1, now: () => 0 });
  for (let index = 0; index < 20_100; index += 1) limit.count(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`);
  expect(limit.isSpent('10.0.78.131')).toBe(true);
  expect(limit.isSpent('10.0.0.0')).toBe(false);
});
