import { isIP } from 'node:net';
import { InputError } from '../../core/problem.ts';
import { isPublicAddress } from './public-address.ts';

/** Where webhooks may go: the setting. */
export type WebhookPolicy = 'off' | 'public' | 'any';

/**
 * Refuses what can be refused of a webhook's URL when it is asked for; what its name leads to is looked at when it is delivered.
 * Throws an InputError.
 */
export function checkWebhookUrl(text: string, policy: WebhookPolicy): void {
  if (policy === 'off') throw refused('is not allowed by this service, whose setting OVERTONE_WEBHOOKS is off');
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw refused('must be an http or https URL');
  if (url.username !== '' || url.password !== '') throw refused('must be a URL without a name or password in it');
  const host = hostOf(url);
  if (policy === 'public' && isIP(host) !== 0 && !isPublicAddress(host)) {
    throw refused(`leads to ${host}; must be a public address`);
  }
}

/** The name or address in a URL, as a resolver takes it. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function refused(what: string): InputError {
  return new InputError([{ code: 'invalid_request', subject: 'webhook.url', message: `webhook.url ${what}` }]);
}
