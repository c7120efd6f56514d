import { expect, test } from 'vitest';
import { checkWebhookUrl } from '../../../../src/service/webhooks/webhook-url.ts';

test.each(['https://hooks.example/x?y=1', 'http://93.184.216.34:8080/'])('%s may be asked for', (url) => {
  expect(() => checkWebhookUrl(url, 'public')).not.toThrow();
});

test.each([
  ['', 'must be an http or https URL'],
  ['/here', 'must be an http or https URL'],
  ['ftp://hooks.example/', 'must be an http or https URL'],
  ['file:///etc/passwd', 'must be an http or https URL'],
  ['https://name:word@hooks.example/', 'without a name or password'],
  ['http://127.0.0.1/', 'leads to 127.0.0.1; must be a public address'],
  ['http://[::1]:6379/', 'leads to ::1'],
  ['http://[::ffff:10.0.0.1]/', 'must be a public address'],
  // Other ways to write 127.0.0.1 and 169.254.169.254.
  ['http://2130706433/', 'leads to 127.0.0.1'],
  ['http://0x7f.1/', 'leads to 127.0.0.1'],
  ['http://0251.0376.0251.0376/', 'leads to 169.254.169.254'],
])('%s is refused: %s', (url, words) => {
  expect(() => checkWebhookUrl(url, 'public')).toThrow(words);
});

test('where any address is allowed, one inside is; where none is, none', () => {
  expect(() => checkWebhookUrl('http://127.0.0.1/', 'any')).not.toThrow();
  expect(() => checkWebhookUrl('https://hooks.example/', 'off')).toThrow('OVERTONE_WEBHOOKS is off');
});
