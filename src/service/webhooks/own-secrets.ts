import type { Principal } from '../../contract/principal.ts';
import type { WebhookSecrets } from '../../store/webhook-secrets.ts';
import { reaching } from '../reaching.ts';

/** An owner's view of the secrets with which its webhooks are signed. */
export interface OwnWebhookSecrets {
  /** The secrets that sign now, the newest first. */
  list(caller: Principal): Promise<readonly string[]>;
  /** A new secret; the one before signs beside it for a day. */
  rotate(caller: Principal): Promise<string>;
}

export function createOwnWebhookSecrets(secrets: WebhookSecrets): OwnWebhookSecrets {
  return {
    list: ({ owner }) => reaching('Redis', () => secrets.of(owner)),
    rotate: ({ owner }) => reaching('Redis', () => secrets.rotate(owner)),
  };
}
