import { createHmac } from 'node:crypto';

/**
 * The headers of Standard Webhooks 1.0 (https://www.standardwebhooks.com): a receiver checks with any of its libraries that a message
 * is from us, is whole, and is not an old one sent again. Several secrets give several signatures, while one replaces another.
 */
export function signWebhook(options: {
  /** The same for every try, so that a receiver can tell a message that it has had. */
  readonly id: string;
  readonly timestampS: number;
  readonly body: string;
  /** Each `whsec_` and base64. */
  readonly secrets: readonly string[];
}): Readonly<Record<string, string>> {
  const { id, timestampS, body, secrets } = options;
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${timestampS}.${body}`).digest('base64')}`;
  });
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestampS),
    'webhook-signature': signatures.join(' '),
  };
}
